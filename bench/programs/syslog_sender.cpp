// What syslog(3) sends, to a socket of one's choice: the same messages as worker's, formatted by {fmt}, one datagram each. Begins with a line on stdin, like a worker.
#include "measurement.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <CLI/CLI.hpp>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace {

int connected_to(std::string const& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw std::invalid_argument("the socket's path is too long: " + path);
  std::memcpy(address.sun_path, path.data(), path.size());
  int const made = ::socket(AF_UNIX, SOCK_DGRAM, 0);
  if (made < 0 || ::connect(made, reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0)
    throw std::system_error(errno, std::generic_category(), path);
  return made;
}

bench::Json send_all(std::string const& path, std::uint64_t count) {
  int const socket = connected_to(path);
  bench::wait_for_start();
  double const cpu = bench::cpu_seconds();
  std::int64_t const begin = bench::monotonic();
  std::string const text = "/srv/data/run-0017/part-00042.hdf5x";
  fmt::memory_buffer message;
  for (std::uint64_t i = 0; i < count; ++i) {
    message.clear();
    // As syslog(3) does it: the time in seconds, taken for each message.
    fmt::format_to(std::back_inserter(message),
                   "<14>{:%b %e %H:%M:%S} worker[{}]: ", fmt::localtime(std::time(nullptr)), ::getpid());
    fmt::format_to(std::back_inserter(message), "wrote {} rows in {:.2f} ms to {} step={}", i,
                   static_cast<double>(i % 1000) / 7, text, i / 100);
    if (::send(socket, message.data(), message.size(), MSG_NOSIGNAL) <
        0)  // blocks while the receiver's queue is full
      throw std::system_error(errno, std::generic_category(), path);
  }
  std::int64_t const end = bench::monotonic();
  ::close(socket);
  return {{"records", count}, {"begin", begin}, {"logged", end}, {"cpu", bench::cpu_seconds() - cpu}};
}

}  // namespace

int main(int argc, char** argv) {
  std::string path;
  std::uint64_t count = 100'000;
  CLI::App app("Sends syslog messages to a local socket");
  app.add_option("SOCKET", path, "Path of the datagram socket")->required();
  app.add_option("--records", count, "How many");
  CLI11_PARSE(app, argc, argv);
  return bench::print_result("syslog_sender", [&] { return send_all(path, count); });
}
