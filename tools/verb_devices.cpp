// verb_devices.cpp — m2w devices: what --device can name.
#include <CLI/CLI.hpp>

#include <fmt/format.h>

#include "chat/terminal.h"
#include "runtime/memory.h"
#include "runtime/vk/instance.h"
#include "tools/verbs.h"

namespace m2w::tools {
namespace {

std::string describe(size_t index, const vk::DeviceInfo& d) {
    std::string line =
        fmt::format("{:<4} {}: {}, {}, Vulkan {}, {}", index, d.name, d.type_name(),
                    format_bytes(d.device_local_bytes()), d.api_version_str(), d.driver_version);
    if (!d.unusable.empty()) line += " (unusable: " + d.unusable + ")";
    return line;
}

Result<std::vector<vk::DeviceInfo>> vulkan_devices() {
    TRY(const auto instance, vk::Instance::create());
    return vk::list_devices(*instance);
}

}  // namespace

Result<void> devices(const Args& args) {
    CLI::App app("Lists the devices that --device can name, by number or by part of the name.",
                 "m2w devices");
    TRY(const bool go_on, parse(app, args));
    if (!go_on) return {};

    std::string text;
    const auto found = vulkan_devices();
    if (found) {
        for (size_t i = 0; i < found->size(); ++i) text += describe(i, (*found)[i]) + "\n";
        if (found->empty()) text += "     no Vulkan device\n";
    } else {
        text += "     no Vulkan device: " + found.error().message + "\n";
    }
    text += "ref  reference on the CPU: exact, slow, needs no GPU\n";
    return print(escape_for_terminal(text));
}

}  // namespace m2w::tools
