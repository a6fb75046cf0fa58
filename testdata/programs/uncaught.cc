// An exception that nobody catches: a message and SIGABRT.
#include <stdexcept>

int main()
{
	throw std::runtime_error("nobody catches this");
}
