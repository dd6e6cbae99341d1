// main.cpp — links everything that loading a model needs, and ends before it would need a model.
#include <m2w/m2w.h>

#include <cstdio>

int main() {
    const auto model = m2w::ChatModel::load("no such file.gguf", {.device = "ref"});
    if (model) return 1;
    std::puts(model.error().str().c_str());
    return model.error().category == m2w::Category::io ? 0 : 1;
}
