// remade_model.h — the bundled model taken apart, for a test to change and to put together again.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/file.h"
#include "gguf/write.h"
#include "tests/support/temporary.h"

namespace m2w::test {

class RemadeModel {
  public:
    struct Part {
        gguf::TensorSpec spec;
        std::vector<std::byte> bytes;
    };

    RemadeModel() {
        const auto opened = gguf::File::open(bundled_model());
        if (!opened) {
            ADD_FAILURE() << opened.error().str();
            return;
        }
        const gguf::File& file = **opened;
        metadata.assign(file.metadata().begin(), file.metadata().end());
        for (const gguf::TensorInfo& t : file.tensors()) {
            Part part{{t.name, t.dtype, {t.dims.begin(), t.dims.begin() + t.n_dims}}, {}};
            part.bytes.resize(size_t(t.size_bytes));
            EXPECT_TRUE(file.read(t, 0, part.bytes));
            tensors.push_back(std::move(part));
        }
    }

    gguf::Value& value(std::string_view key) {
        for (gguf::KeyValue& kv : metadata)
            if (kv.key == key) return kv.value;
        metadata.push_back({std::string(key), {}});
        return metadata.back().value;
    }
    void erase(std::string_view key) {
        std::erase_if(metadata, [&](const auto& kv) { return kv.key == key; });
    }
    /// Every key that begins with `from` begins with `to` instead.
    void rename_keys(std::string_view from, std::string_view to) {
        for (gguf::KeyValue& kv : metadata)
            if (kv.key.starts_with(from)) kv.key.replace(0, from.size(), to);
    }
    Part& tensor(std::string_view name) {
        const auto at = std::find_if(tensors.begin(), tensors.end(),
                                     [&](const Part& part) { return part.spec.name == name; });
        M2W_ASSERT(at != tensors.end());
        return *at;
    }
    /// A tensor of zeros.
    void add(std::string name, DType dtype, std::vector<uint64_t> dims) {
        uint64_t count = 1;
        for (const uint64_t d : dims) count *= d;
        const DTypeInfo& type = dtype_info(dtype);
        tensors.push_back(
            {{std::move(name), dtype, std::move(dims)},
             std::vector<std::byte>(size_t(count / type.block_elems * type.block_bytes))});
    }
    void erase_tensor(std::string_view name) {
        std::erase_if(tensors, [&](const Part& part) { return part.spec.name == name; });
    }

    /// Writes it into the folder and says where.
    std::string save(const TemporaryFolder& folder, const std::string& name) const {
        std::vector<gguf::TensorSpec> specs;
        std::vector<std::span<const std::byte>> data;
        for (const Part& part : tensors) {
            specs.push_back(part.spec);
            data.push_back(part.bytes);
        }
        const auto bytes = gguf::write_file(metadata, specs, data);
        EXPECT_TRUE(bytes) << bytes.error().str();
        const std::string path = (folder.path() / name).string();
        if (bytes) std::ofstream(path, std::ios::binary) << *bytes;
        return path;
    }

    std::vector<gguf::KeyValue> metadata;
    std::vector<Part> tensors;
};

}  // namespace m2w::test
