// Questions whether a peer is to be let in (RFC 27), whatever they look like: in gets who has a known key, with its rights, at a socket that there is.
// An input is a list of frames, each behind a byte with its length.
#include "collector/admission.hpp"
#include "curve/secret_file.hpp"

#include <sys/stat.h>
#include <unistd.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace {

using namespace logboom;
using collector::Admission;

std::string const kKnown(32, 'k');  // the key that is known

Admission& admission() {
  static collector::OwnLog log("host", level::kOff, {}, [] { return std::int64_t{1}; });
  static Admission made = [] {
    std::string pattern = std::filesystem::temp_directory_path() / "zap-fuzz-XXXXXX";
    std::filesystem::path const directory = ::mkdtemp(pattern.data());
    curve::write_secret_file(directory / "secret", curve::make_pair());
    std::ofstream(directory / "keys") << "publish,view " << curve::key_text(kKnown) << " known\n";
    ::chmod((directory / "keys").c_str(), 0600);
    struct Removed {
      std::filesystem::path path;
      ~Removed() { std::filesystem::remove_all(path); }
    } const removed{directory};
    return Admission({directory / "secret", directory / "keys", {"4242=view"}}, log);
  }();
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::vector<std::string> frames;
  for (std::size_t at = 0; at < size;) {
    auto const length = std::min<std::size_t>(data[at], size - at - 1);
    frames.emplace_back(reinterpret_cast<char const*>(data) + at + 1, length);
    at += length + 1;
  }
  auto const request = collector::parse_zap(frames);
  if (!request) return 0;
  auto const verdict = admission().decide(*request);
  auto const reply = collector::zap_reply(request->id, verdict.admitted, verdict.user);
  if (reply[1] != frames[1] || (reply[2] == "200") != verdict.admitted) std::abort();
  if (!verdict.admitted) return verdict.user.empty() ? 0 : (std::abort(), 0);
  auto const rights = Admission::rights_in(verdict.user);
  if (request->key != kKnown || request->mechanism != "CURVE" || !rights.any() || rights.control)
    std::abort();
  if (request->domain == Admission::kPublish && !rights.publish) std::abort();
  if (request->domain == Admission::kView && !rights.view) std::abort();
  return 0;
}
