// iostreams, strings, containers, algorithms, regular expressions, statics.
#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <regex>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>

struct Static {
	int value;
	Static(int v) : value(v) { std::cout << "constructed " << v << '\n'; }
	~Static() { std::cout << "destroyed " << value << '\n'; }
};

static Static one(1);
static Static two(one.value + 1);

static Static &local()
{
	static Static s(3);
	return s;
}

int main()
{
	std::map<std::string, int> words;
	std::string line;
	while (std::getline(std::cin, line)) {
		std::istringstream in(line);
		for (std::string w; in >> w;)
			words[w]++;
	}
	for (const auto &[w, n] : words)
		std::cout << std::setw(12) << std::left << w << std::right << std::setw(4) << n << '\n';
	std::vector<double> v(20000);
	std::mt19937 random(42);
	std::uniform_real_distribution<double> spread(-1, 1);
	std::generate(v.begin(), v.end(), [&] { return spread(random); });
	std::sort(v.begin(), v.end(), std::greater<>());
	std::cout << std::setprecision(12) << v.front() << ' ' << v.back() << ' ' << std::accumulate(v.begin(), v.end(), 0.0) << '\n';
	std::cout << std::hex << std::showbase << 255 << ' ' << std::oct << 8 << std::dec << ' ' << std::fixed << 3.14159 << ' ' << std::scientific << 1e10 << std::defaultfloat << '\n';
	std::regex r("([a-z]+)@([a-z]+)\\.(com|org)");
	std::string text = "write to bee@hive.org, or to queen@hive.com today";
	for (std::sregex_iterator i(text.begin(), text.end(), r), end; i != end; ++i)
		std::cout << (*i)[1] << " at " << (*i)[2] << '\n';
	std::cout << std::regex_replace(text, r, "<$1>") << '\n';
	{
		std::ofstream out("streams.out");
		for (int i = 0; i < 1000; i++)
			out << i << ' ' << i * i << '\n';
	}
	std::ifstream in("streams.out");
	long long a, b, sum = 0;
	while (in >> a >> b)
		sum += a ^ b;
	std::cout << "sum " << sum << " eof " << in.eof() << '\n';
	std::ifstream missing("no such file");
	std::cout << "missing " << missing.is_open() << '\n';
	std::unordered_map<int, std::unique_ptr<std::string>> owners;
	for (int i = 0; i < 1000; i++)
		owners[i * 7919] = std::make_unique<std::string>(i, 'x');
	std::size_t total = 0;
	for (auto &[k, s] : owners)
		total += s->size();
	std::cout << total << ' ' << local().value << '\n';
	auto t = std::chrono::steady_clock::now();
	std::cout << (std::chrono::steady_clock::now() >= t) << '\n';
	std::cerr << "to the error stream\n";
	return 0;
}
