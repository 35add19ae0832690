// Something to be called, as options take it. <functional> is not included by what log calls include: it takes nearly as long to compile as all the rest of it.
#pragma once

#include <type_traits>
#include <utility>

namespace logboom {

/// As std::function<void()>: made of whatever can be called without arguments and copied, and copied with it. Empty when made by default.
class Callback {
 public:
  Callback() noexcept = default;
  template <class Function>
    requires(!std::is_same_v<std::remove_cvref_t<Function>, Callback> && std::is_invocable_v<Function&>)
  Callback(Function function)  // NOLINT(google-explicit-constructor): as std::function's
      : target_(new Holder<Function>(std::move(function))) {}
  Callback(Callback const& other) : target_(other.target_ != nullptr ? other.target_->copy() : nullptr) {}
  Callback(Callback&& other) noexcept : target_(std::exchange(other.target_, nullptr)) {}
  Callback& operator=(Callback other) noexcept {
    std::swap(target_, other.target_);
    return *this;
  }
  ~Callback() { delete target_; }

  explicit operator bool() const noexcept { return target_ != nullptr; }
  /// Not to be called when empty.
  void operator()() const { target_->call(); }

 private:
  struct Target {
    virtual ~Target() = default;
    virtual Target* copy() const = 0;
    virtual void call() = 0;
  };
  template <class Function>
  struct Holder final : Target {
    explicit Holder(Function from) : function(std::move(from)) {}
    Target* copy() const override { return new Holder(function); }
    void call() override { function(); }
    Function function;
  };

  Target* target_ = nullptr;
};

}  // namespace logboom
