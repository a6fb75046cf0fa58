// C++'s own threads: thread, async, condition variables, waits for atomics, exceptions that cross threads.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <exception>
#include <future>
#include <mutex>
#include <numeric>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

struct Counted {
	static std::atomic<int> alive;
	Counted() { alive++; }
	~Counted() { alive--; }
};
std::atomic<int> Counted::alive;
thread_local Counted counted;
thread_local std::string text = "per thread";

static long sum(const std::vector<int> &v, size_t from, size_t to)
{
	if (to - from < 5000)
		return std::accumulate(v.begin() + from, v.begin() + to, 0L);
	size_t mid = (from + to) / 2;
	auto half = std::async(std::launch::async, sum, std::cref(v), from, mid);
	long other = sum(v, mid, to);
	return half.get() + other;
}

int main()
{
	std::vector<int> numbers(100000);
	std::iota(numbers.begin(), numbers.end(), 1);
	std::printf("async %ld\n", sum(numbers, 0, numbers.size()));

	auto fails = std::async(std::launch::async, []() -> int { throw std::runtime_error("from another thread"); });
	try {
		fails.get();
	} catch (const std::exception &e) {
		std::printf("caught %s\n", e.what());
	}

	std::mutex m;
	std::condition_variable ready;
	std::vector<std::thread> threads;
	int turn = 0, wrong = 0;
	for (int i = 0; i < 20; i++)
		threads.emplace_back([&, i] {
			(void)&counted;
			text += std::to_string(i);
			std::unique_lock lock(m);
			ready.wait(lock, [&] { return turn == i; });
			if (text != "per thread" + std::to_string(i))
				wrong++;
			turn++;
			ready.notify_all();
		});
	for (auto &t : threads)
		t.join();
	std::printf("turns %d, wrong %d, alive %d\n", turn, wrong, Counted::alive.load());

	std::unique_lock lock(m);
	std::printf("timeout %d\n", ready.wait_for(lock, 20ms) == std::cv_status::timeout);
	lock.unlock();

	// A wait for an atomic is a futex.
	std::atomic<int> ball{0};
	std::thread other([&] {
		for (int i = 0; i < 1000; i++) {
			ball.wait(2 * i);
			ball = 2 * i + 2;
			ball.notify_one();
		}
	});
	for (int i = 0; i < 1000; i++) {
		ball = 2 * i + 1;
		ball.notify_one();
		ball.wait(2 * i + 1);
	}
	other.join();
	std::printf("ball %d\n", ball.load());

	std::shared_mutex sm;
	long shared = 0, reads = 0;
	std::atomic<long> total{0};
	threads.clear();
	for (int i = 0; i < 6; i++)
		threads.emplace_back([&, i] {
			for (int k = 0; k < 2000; k++)
				if (k % 10 == i) {
					std::unique_lock w(sm);
					shared++;
				} else {
					std::shared_lock r(sm);
					total += shared >= 0;
				}
		});
	for (auto &t : threads)
		t.join();
	reads = total;
	std::printf("shared %ld %ld\n", shared, reads);

	std::once_flag once;
	int calls = 0;
	threads.clear();
	for (int i = 0; i < 8; i++)
		threads.emplace_back([&] { std::call_once(once, [&] { calls++; }); });
	for (auto &t : threads)
		t.join();
	std::promise<std::string> promise;
	std::thread setter([&] { promise.set_value_at_thread_exit("at its end"); });
	std::printf("once %d, %s\n", calls, promise.get_future().get().c_str());
	setter.join();

	std::atomic<bool> stop{false};
	std::thread worker([&] { while (!stop) std::this_thread::yield(); });
	stop = true;
	worker.join();
	std::thread boom([] { throw std::logic_error("nobody catches it"); });
	boom.join();
	return 0;
}
