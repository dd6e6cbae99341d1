// environment.h — a variable of the environment for the length of a test. One thread only.
#pragma once
#include <stdlib.h>

#include <string>

namespace m2w::test {

/// Sets a variable of the environment, or takes it away, until the end of the scope.
class Variable {
  public:
    Variable(const char* name, const char* value) : name_(name) {
        if (const char* old = getenv(name)) old_ = old;
        had_ = getenv(name) != nullptr;
        value ? setenv(name, value, 1) : unsetenv(name);
    }
    ~Variable() { had_ ? setenv(name_, old_.c_str(), 1) : unsetenv(name_); }
    Variable(const Variable&) = delete;

  private:
    const char* name_;
    std::string old_;
    bool had_ = false;
};

}  // namespace m2w::test
