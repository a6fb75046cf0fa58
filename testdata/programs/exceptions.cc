// Exceptions: through many frames, rethrown, caught by a base, from
// destructors' neighbours, through C's qsort, and across a system call.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <typeinfo>
#include <unistd.h>
#include <vector>

static int alive;

struct Guard {
	std::string name;
	explicit Guard(std::string n) : name(std::move(n)) { alive++; }
	~Guard() { alive--; }
};

struct Base : std::runtime_error {
	using runtime_error::runtime_error;
	virtual int code() const { return 1; }
};
struct Derived : Base {
	using Base::Base;
	int code() const override { return 2; }
};

static void __attribute__((noinline)) deep(int n)
{
	Guard g("frame " + std::to_string(n));
	if (n == 0) {
		if (write(-1, "", 1) < 0)
			throw Derived("from the bottom");
	}
	deep(n - 1);
	if (alive < 0)
		std::puts("?");
}

static void rethrower()
{
	try {
		deep(100);
	} catch (const Base &) {
		std::printf("on the way: alive %d\n", alive);
		throw;
	}
}

static int compare(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;
	if (x == 13 || y == 13)
		throw std::out_of_range("thirteen");
	return x - y;
}

int main()
{
	for (int i = 0; i < 3; i++) {
		try {
			rethrower();
		} catch (const Base &e) {
			std::printf("%s %d alive %d type %s\n", e.what(), e.code(), alive, typeid(e).name());
		}
	}
	try {
		int v[] = { 5, 3, 13, 1 };
		std::qsort(v, 4, sizeof *v, compare);
	} catch (const std::exception &e) {
		std::printf("through qsort: %s\n", e.what());
	}
	try {
		std::vector<int>().at(7);
	} catch (const std::out_of_range &) {
		std::puts("out of range");
	}
	try {
		volatile std::size_t much = ~std::size_t(0) - 64;
		char *volatile p = new char[much];
		delete[] p;
		std::puts("?");
	} catch (const std::bad_alloc &) {
		std::puts("bad alloc");
	}
	try {
		try {
			throw 1;
		} catch (int) {
			std::throw_with_nested(std::logic_error("outer"));
		}
	} catch (const std::exception &e) {
		try {
			std::rethrow_if_nested(e);
		} catch (int n) {
			std::printf("%s with %d inside\n", e.what(), n);
		}
	}
	std::exception_ptr kept;
	try {
		throw std::string("kept");
	} catch (...) {
		kept = std::current_exception();
	}
	try {
		std::rethrow_exception(kept);
	} catch (const std::string &s) {
		std::printf("%s\n", s.c_str());
	}
	int caught = 0;
	for (int i = 0; i < 20000; i++)
		try {
			Guard g("loop");
			throw i;
		} catch (int n) {
			caught += n & 1;
		}
	std::printf("caught %d alive %d\n", caught, alive);
	Base *b = new Derived("cast");
	std::printf("dynamic_cast %d\n", dynamic_cast<Derived *>(b) != nullptr);
	delete b;
	return 0;
}
