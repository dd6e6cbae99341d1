// globals.h — the objects behind the global functions: namespace, cycler, joiner; and methods of
// such objects.
#pragma once
#include <string>
#include <vector>

#include "chat/jinja/runtime.h"

namespace m2w::jinja {

/// namespace(...): the one object whose attributes {% set %} may assign.
class Namespace final : public Opaque {
  public:
    explicit Namespace(Map attributes) : attributes_(std::move(attributes)) {}

    void set(Runtime& rt, std::string_view name, Value value);
    uint64_t size_bytes() const { return attributes_.size_bytes(); }

    std::string_view type_name() const override { return "Namespace"; }
    std::string repr(Runtime& rt) const override;
    std::optional<Value> attribute(Runtime& rt, std::string_view name) override;
    void drop_references() override { attributes_.clear(); }

  private:
    Map attributes_;
};

/// A method of an opaque object as a value.
class OpaqueMethod final : public Opaque {
  public:
    using Function = Value (*)(Runtime& rt, Opaque& object, CallArguments& arguments);
    OpaqueMethod(Ref<Opaque> object, std::string_view name, Function function)
        : object_(std::move(object)), name_(name), function_(function) {}

    std::string_view type_name() const override { return "method"; }
    std::string repr(Runtime&) const override { return fmt::format("<bound method {}>", name_); }
    bool callable() const override { return true; }
    Value call(Runtime& rt, CallArguments& arguments) override;
    void drop_references() override { object_ = {}; }

  private:
    Ref<Opaque> object_;
    std::string_view name_;
    Function function_;
};

}  // namespace m2w::jinja
