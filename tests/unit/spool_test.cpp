// The spool's directory: made whole or not at all, owned by one process at a time, adopted when its owner is dead, removed, forgotten after fork.
#include "spool/spool.hpp"
#include "spool/framed_file.hpp"
#include "spool/publisher_file.hpp"
#include "spool_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fstream>
#include <functional>
#include <random>

#include <msgpack.hpp>

namespace logboom::spool {
namespace {

using namespace test;
namespace fs = std::filesystem;

class SpoolDirectory : public ::testing::Test {
 protected:
  fs::path root() const { return directory_.path() / "state" / "spool"; }

  static wire::Publisher publisher() {
    wire::Publisher publisher;
    std::random_device random;
    for (auto& byte : publisher.id) byte = static_cast<std::byte>(random());
    publisher.host = "host-1";
    publisher.pid = 4711;
    publisher.process = "solver \xff";  // any bytes
    publisher.started = 1'700'000'000'000'000'000;
    return publisher;
  }

  // Runs in a child that is then killed with SIGKILL: a process that died.
  static void in_a_dead_process(std::function<void()> const& run) {
    pid_t const child = ::fork();
    if (child == 0) {
      run();
      ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
  }
  // The exit code of what runs in a child.
  static int in_a_child(std::function<int()> const& run) {
    pid_t const child = ::fork();
    if (child == 0) ::_exit(run());
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  TemporaryDirectory directory_;
};

TEST_F(SpoolDirectory, WhatADeadProcessLeftIsReadWithoutIt) {
  wire::Publisher const owner = publisher();
  in_a_dead_process([&] {
    Spool spool = Spool::create(root(), owner);
    spool.append_site({3, 20, "INFO", "solved {cells} cells", "grid.cpp", "solve", 42});
    spool.append_logger(7, "solver.grid");
    RingFile ring = spool.create_ring(5, kMinRing);
    ring.set_thread(99, "worker");
    auto producer = ring.producer();
    for (int i = 0; i < 10; ++i) write_record(producer);
    std::vector<std::byte> const chunk(100, std::byte{1});
    spool.overflow().append({.stream = 5, .tid = 99, .thread_name = "worker", .first = 1, .end = 3}, chunk);
  });

  auto const found = Spool::list(root());
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0], root() / hex(owner.id));
  auto spool = Spool::adopt(found[0]);
  ASSERT_TRUE(spool);
  EXPECT_TRUE(spool->problems().empty());
  EXPECT_EQ(spool->publisher().id, owner.id);
  EXPECT_EQ(spool->publisher().host, owner.host);
  EXPECT_EQ(spool->publisher().pid, owner.pid);
  EXPECT_EQ(spool->publisher().process, owner.process);
  EXPECT_EQ(spool->publisher().started, owner.started);
  EXPECT_EQ(spool->catalogue().site(3).template_text, "solved {cells} cells");
  EXPECT_EQ(spool->catalogue().logger(7), "solver.grid");
  ASSERT_EQ(spool->overflow().chunks().size(), 1U);
  auto const found_rings = spool->open_rings();
  auto const& rings = found_rings.readable;
  ASSERT_EQ(rings.size(), 1U);
  EXPECT_TRUE(found_rings.left_out.empty() && found_rings.damage.empty());
  EXPECT_EQ(rings[0].stream(), 5U);
  EXPECT_EQ(rings[0].thread_name(), "worker");
  EXPECT_EQ(read_all(rings[0]).whole.size(), 10U);

  EXPECT_TRUE(spool->remove());
  EXPECT_TRUE(Spool::list(root()).empty());
  EXPECT_TRUE(fs::is_empty(root()));
}

TEST_F(SpoolDirectory, SaysWhereItsRecordsAreToGoWhoeverOwnsIt) {
  std::vector<std::string> const endpoints{"ipc:///run/bus", "tcp://hub:7514"};
  Spool const spool = Spool::create(root(), publisher(), endpoints);
  EXPECT_EQ(Spool::endpoints(spool.directory()), endpoints);
  Spool const silent = Spool::create(root(), publisher());
  EXPECT_TRUE(Spool::endpoints(silent.directory()).empty());
  EXPECT_TRUE(Spool::endpoints(root() / "missing").empty());
  // Without descriptors it is not anybody's.
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 0;
  ::setrlimit(RLIMIT_NOFILE, &none);
  EXPECT_THROW((void)Spool::endpoints(spool.directory()), std::system_error);
  ::setrlimit(RLIMIT_NOFILE, &before);
}

TEST_F(SpoolDirectory, AddressesAreBounded) {
  std::vector<std::string> many(kMaxEndpoints + 5, "tcp://hub:7514");
  many[0] = std::string(kMaxEndpointText + 1, 'x');
  Spool const spool = Spool::create(root(), publisher(), many);
  EXPECT_EQ(Spool::endpoints(spool.directory()), std::vector<std::string>(kMaxEndpoints, "tcp://hub:7514"));
}

// What was written before spools said where their records go.
TEST_F(SpoolDirectory, AnOlderSpoolIsReadAndSaysNothingOfAddresses) {
  auto const directory = root() / std::string(32, 'a');
  fs::create_directories(directory);
  std::ofstream(directory / "lock");
  msgpack::sbuffer entry;
  msgpack::packer<msgpack::sbuffer> packer(entry);
  packer.pack_array(5);
  packer.pack_bin(16);
  packer.pack_bin_body(std::string(16, '\xaa').data(), 16);
  packer.pack("host");
  packer.pack(4711);
  packer.pack("old");
  packer.pack(1'700'000'000'000'000'000);
  FramedFile::create(directory / "publisher", FramedKind::kPublisher)
      .append(std::as_bytes(std::span(entry.data(), entry.size())), kMaxEntry);
  EXPECT_TRUE(Spool::endpoints(directory).empty());
  auto const spool = Spool::adopt(directory);
  ASSERT_TRUE(spool);
  EXPECT_EQ(spool->publisher().process, "old");
}

TEST_F(SpoolDirectory, OnlyItsOwnerMayLook) {
  Spool const spool = Spool::create(root(), publisher());
  auto const mode = [](fs::path const& path) { return fs::status(path).permissions() & fs::perms::mask; };
  EXPECT_EQ(mode(root()), fs::perms::owner_all);
  EXPECT_EQ(mode(spool.directory()), fs::perms::owner_all);
  for (auto const& entry : fs::directory_iterator(spool.directory()))
    EXPECT_EQ(mode(entry.path()), fs::perms::owner_read | fs::perms::owner_write) << entry.path();
}

TEST_F(SpoolDirectory, IsNotAdoptedWhileItsOwnerLives) {
  std::optional<Spool> spool = Spool::create(root(), publisher());
  fs::path const directory = spool->directory();
  EXPECT_FALSE(Spool::adopt(directory));  // by this process: and the attempt does not cost it the lock
  auto const adopt = [&] { return Spool::adopt(directory) ? 1 : 0; };
  EXPECT_EQ(in_a_child(adopt), 0);
  Spool moved = std::move(*spool);
  spool.reset();
  EXPECT_EQ(in_a_child(adopt), 0);
  { Spool const last = std::move(moved); }
  EXPECT_EQ(in_a_child(adopt), 1);
  EXPECT_TRUE(Spool::adopt(directory));
  EXPECT_TRUE(Spool::adopt(directory));  // given up again in between
}

TEST_F(SpoolDirectory, AForkedChildDoesNotKeepItsParentsLock) {
  int ready[2], go[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(go), 0);
  wire::Publisher const owner = publisher();
  pid_t grandchild = 0;
  pid_t const child = ::fork();
  if (child == 0) {
    Spool spool = Spool::create(root(), owner);
    pid_t const own = ::fork();
    if (own == 0) {
      char byte = 0;
      (void)!::read(go[0], &byte, 1);  // outlives its parent, with the descriptor inherited
      ::_exit(0);
    }
    (void)!::write(ready[1], &own, sizeof own);
    ::kill(::getpid(), SIGKILL);
  }
  ASSERT_EQ(::read(ready[0], &grandchild, sizeof grandchild), static_cast<ssize_t>(sizeof grandchild));
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(Spool::adopt(root() / hex(owner.id)));
  ASSERT_EQ(::write(go[1], "x", 1), 1);
  for (int const fd : {ready[0], ready[1], go[0], go[1]}) ::close(fd);
}

TEST_F(SpoolDirectory, AForkedChildForgetsWithoutTouchingAFile) {
  Spool spool = Spool::create(root(), publisher());
  std::vector<std::byte> const chunk(100, std::byte{1});
  ASSERT_TRUE(spool.overflow().append({.stream = 0, .tid = 1, .thread_name = {}, .first = 1, .end = 3}, chunk));
  fs::path const directory = spool.directory();
  int const code = in_a_child([&] {
    spool.forget();
    if (spool.remove()) return 1;
    { Spool const gone = std::move(spool); }
    if (Spool::adopt(directory)) return 2;  // it is still the parent's
    Spool own = Spool::create(root(), publisher());
    return own.remove() ? 0 : 3;
  });
  EXPECT_EQ(code, 0);
  EXPECT_FALSE(Spool::adopt(directory));
  for (char const* const name : {"lock", "publisher", "catalogue", "clock", "overflow.1"})
    EXPECT_TRUE(fs::exists(directory / name)) << name;
  EXPECT_TRUE(spool.overflow().append({.stream = 0, .tid = 1, .thread_name = {}, .first = 3, .end = 4}, chunk));
  EXPECT_TRUE(spool.remove());
}

TEST_F(SpoolDirectory, WhatWasHalfMadeOrHalfRemovedIsClearedAway) {
  fs::create_directories(root());
  fs::path const made = root() / (".new-" + std::string(32, 'a'));
  fs::path const empty = root() / (".new-" + std::string(32, 'b'));
  fs::path const removed = root() / (".old-" + std::string(32, 'c'));
  for (auto const& path : {made, empty, removed}) fs::create_directory(path);
  write_file(made / "lock", std::string_view());
  write_file(made / "publisher", std::string_view("half an identi"));
  write_file(removed / "lock", std::string_view());
  write_file(removed / "ring.3", std::string_view("x"));
  EXPECT_TRUE(Spool::list(root()).empty());

  fs::path const busy = root() / (".new-" + std::string(32, 'd'));
  fs::create_directory(busy);
  auto const lock = SpoolLock::acquire(busy, true);
  ASSERT_TRUE(lock);
  int const code = in_a_child([&] {
    Spool::sweep(root());
    return 0;
  });
  EXPECT_EQ(code, 0);
  for (auto const& path : {made, empty, removed}) EXPECT_FALSE(fs::exists(path)) << path;
  EXPECT_TRUE(fs::exists(busy)) << "somebody is making it";
}

TEST_F(SpoolDirectory, ASweepThatIsAtItDoesNotKeepASpoolFromBeingMade) {
  wire::Publisher const owner = publisher();
  fs::path const making = root() / (".new-" + hex(owner.id) + ".0");
  fs::create_directories(making);
  auto const sweeper = SpoolLock::acquire(making, true);
  ASSERT_TRUE(sweeper);
  EXPECT_TRUE(Spool::create(root(), owner).remove());
}

TEST_F(SpoolDirectory, ManyProcessesMakeTheirsAtOnce) {
  constexpr int kProcesses = 16, kEach = 25;
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    pid_t const child = ::fork();
    if (child == 0) {
      try {
        for (int k = 0; k < kEach; ++k)
          if (!Spool::create(root(), publisher()).remove()) ::_exit(1);
        ::_exit(0);
      } catch (std::exception const& error) {
        std::fprintf(stderr, "%s\n", error.what());
        ::_exit(2);
      }
    }
    children.push_back(child);
  }
  for (pid_t const child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  Spool::sweep(root());
  EXPECT_TRUE(fs::is_empty(root()));
}

TEST_F(SpoolDirectory, ADeathWhileItOrItsRingsAreMadeIsNoDamage) {
  std::mt19937 random(std::random_device{}());
  for (int round = 0; round < 40; ++round) {
    fs::path const place = root() / std::to_string(round);
    int ready[2] = {};
    ASSERT_EQ(::pipe(ready), 0);
    pid_t const child = ::fork();
    if (child == 0) {
      (void)!::write(ready[1], "", 1);
      Spool const spool = Spool::create(place, publisher());
      std::vector<RingFile> rings;
      for (unsigned stream = 0; stream < 16; ++stream) rings.push_back(spool.create_ring(stream, 1U << 20U));
      ::pause();
    }
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    ::usleep(std::uniform_int_distribution<useconds_t>(0, 8'000)(random));
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    ::close(ready[0]);
    ::close(ready[1]);
    for (auto const& directory : Spool::list(place)) {
      auto spool = Spool::adopt(directory);
      ASSERT_TRUE(spool);
      auto const rings = spool->open_rings();
      EXPECT_THAT(spool->problems(), testing::IsEmpty());
      EXPECT_THAT(rings.left_out, testing::IsEmpty());
      EXPECT_THAT(rings.damage, testing::IsEmpty());
      EXPECT_TRUE(spool->remove());
    }
  }
}

TEST_F(SpoolDirectory, ADirectoryWithNothingInItIsRemovedAndNotAdopted) {
  fs::path const hollow = root() / std::string(32, 'a');
  fs::create_directories(hollow);
  write_file(hollow / "lock", std::string_view());
  EXPECT_FALSE(Spool::adopt(hollow));
  EXPECT_FALSE(fs::exists(hollow));
  fs::create_directories(hollow);
  EXPECT_FALSE(Spool::adopt(hollow));
  EXPECT_FALSE(fs::exists(hollow));
  EXPECT_FALSE(Spool::adopt(hollow));
}

TEST_F(SpoolDirectory, RingsWithoutAnOwnersNameAreLeftAndNamed) {
  std::optional<Spool> spool = Spool::create(root(), publisher());
  fs::path const directory = spool->directory();
  (void)spool->create_ring(0, kMinRing);
  spool.reset();
  for (bool const missing : {false, true}) {
    missing ? (void)fs::remove(directory / "publisher")
            : write_file(directory / "publisher", std::string_view("boompool damaged beyond use"));
    try {
      (void)Spool::adopt(directory);
      FAIL() << "adopted";
    } catch (SpoolError const& error) {
      EXPECT_NE(std::string(error.what()).find((directory / "publisher").string()), std::string::npos);
    } catch (std::system_error const& error) {
      EXPECT_TRUE(missing);
      EXPECT_NE(std::string(error.what()).find((directory / "publisher").string()), std::string::npos);
    }
    EXPECT_TRUE(fs::exists(directory / "ring.0"));
  }
}

TEST_F(SpoolDirectory, ADamagedPartCostsThatPartAlone) {
  wire::Publisher const owner = publisher();
  {
    Spool spool = Spool::create(root(), owner);
    for (std::uint64_t stream = 0; stream < 3; ++stream) {
      auto ring = spool.create_ring(stream, kMinRing);
      auto producer = ring.producer();
      write_record(producer);
    }
  }
  fs::path const directory = root() / hex(owner.id);
  write_file(directory / "ring.1", std::string_view("not a ring"));
  fs::copy_file(directory / "ring.2", directory / "ring.7");  // a copy must not be sent as another stream
  fs::remove(directory / "clock");
  write_file(directory / "catalogue", std::string_view("not a catalogue"));
  auto spool = Spool::adopt(directory);
  ASSERT_TRUE(spool);
  EXPECT_EQ(spool->problems().size(), 2U);
  EXPECT_EQ(spool->clock().nanoseconds(12345), owner.started);
  EXPECT_FALSE(spool->catalogue().site(1).template_text.empty());
  EXPECT_FALSE(spool->catalogue().logger(1).empty());
  auto const rings = spool->open_rings();
  EXPECT_EQ(rings.readable.size(), 2U);
  ASSERT_EQ(rings.left_out.size(), 2U);
  EXPECT_NE(rings.left_out[0].find("ring.1"), std::string::npos);
  EXPECT_NE(rings.left_out[1].find("ring.7"), std::string::npos);
}

TEST_F(SpoolDirectory, WhatIsSetAsideIsBounded) {
  std::vector<fs::path> kept;
  for (std::size_t i = 0; i < Spool::kMaxAside + 2; ++i) {
    auto const directory = Spool::create(root(), publisher()).directory();
    auto spool = Spool::adopt(directory);
    ASSERT_TRUE(spool);
    fs::last_write_time(directory, fs::file_time_type(std::chrono::seconds(i)));
    auto const aside = spool->set_aside();
    EXPECT_FALSE(aside.error);
    EXPECT_EQ(aside.kept, directory.native() + ".unreadable");
    kept.push_back(aside.kept);
    if (i < Spool::kMaxAside) {
      EXPECT_TRUE(aside.removed.empty());
    } else {
      EXPECT_EQ(aside.removed, std::vector{kept[i - Spool::kMaxAside]});
    }
  }
  EXPECT_FALSE(fs::exists(kept[1]));
  EXPECT_TRUE(fs::exists(kept[2] / "publisher"));
  EXPECT_TRUE(Spool::list(root()).empty());
}

TEST_F(SpoolDirectory, ListsSpoolsOldestFirstAndNothingElse) {
  EXPECT_TRUE(Spool::list(root() / "missing").empty());
  wire::Publisher const first = publisher(), second = publisher();
  Spool const newer = Spool::create(root(), second);
  Spool const older = Spool::create(root(), first);
  timespec const times[2] = {{1000, 0}, {1000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (older.directory() / "publisher").c_str(), times, 0), 0);
  fs::create_directory(root() / "notes");
  write_file(root() / std::string(32, 'e'), std::string_view("a file"));
  EXPECT_EQ(Spool::list(root()), (std::vector<fs::path>{older.directory(), newer.directory()}));
}

TEST_F(SpoolDirectory, ARootThatBelongsToAnotherUserIsRefused) {
  fs::create_directories(root());
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  int const code = in_a_child([&] {
    if (::chown(root().c_str(), 1234, 1234) != 0 || ::chmod(root().c_str(), 0777) != 0 || ::seteuid(4321) != 0)
      return 3;
    return 0;
  });
  ASSERT_EQ(code, 0);
  EXPECT_THROW((void)Spool::create(root(), publisher()), SpoolError);
}

TEST_F(SpoolDirectory, WhatBelongsToAnotherUserIsNotAdopted) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  auto const who = publisher();
  in_a_dead_process([&] { Spool::create(root(), who).create_ring(0).producer(); });
  auto const directory = root() / hex(who.id);
  auto const give = [](fs::path const& path, uid_t user) { ASSERT_EQ(::chown(path.c_str(), user, user), 0); };
  for (auto const& path : {directory, directory / "lock", directory / "publisher", directory / "clock"}) {
    give(path, 1234);
    EXPECT_THROW((void)Spool::adopt(directory), SpoolError) << path;
    give(path, 0);
  }
  give(directory / "ring.0", 1234);
  auto spool = Spool::adopt(directory);
  ASSERT_TRUE(spool);
  auto const rings = spool->open_rings();
  EXPECT_TRUE(rings.readable.empty());
  ASSERT_EQ(rings.left_out.size(), 1U);
  EXPECT_NE(rings.left_out[0].find("belongs to user 1234"), std::string::npos);
}

TEST_F(SpoolDirectory, DefaultRootFollowsTheEnvironment) {
  auto const root_with = [](char const* spool, char const* state, char const* home) {
    auto const set = [](char const* name, char const* value) {
      value != nullptr ? ::setenv(name, value, 1) : ::unsetenv(name);
    };
    set("LOGBOOM_SPOOL", spool);
    set("XDG_STATE_HOME", state);
    set("HOME", home);
    return default_root();
  };
  int const code = in_a_child([&] {
    if (root_with("/a", "/b", "/c") != "/a") return 1;
    if (root_with(nullptr, "/b", "/c") != "/b/logboom/spool") return 2;
    if (root_with("", nullptr, "/c") != "/c/.local/state/logboom/spool") return 3;
    if (root_with(nullptr, "relative", "/c") != "/c/.local/state/logboom/spool") return 4;
    if (root_with(nullptr, nullptr, nullptr) != "/tmp/logboom-" + std::to_string(::geteuid()) + "/spool")
      return 5;
    return 0;
  });
  EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace logboom::spool
