// editable_file.cpp — through the parser and the writer of the library.
#include "gguf/fuzz/editable_file.h"

#include "gguf/file.h"

namespace m2w::gguf::fuzz {

EditableFile EditableFile::of(const uint8_t* data, size_t size) {
    EditableFile editable;
    const auto file = File::parse(
        make_memory_source("seed", std::string(reinterpret_cast<const char*>(data), size)));
    if (!file) return editable;
    editable.metadata.assign((*file)->metadata().begin(), (*file)->metadata().end());
    for (const TensorInfo& t : (*file)->tensors()) {
        std::string bytes(t.size_bytes, '\0');
        if (!(*file)->read(t, 0, std::as_writable_bytes(std::span(bytes)))) return {};
        editable.tensors.push_back(
            {{t.name, t.dtype, {t.dims.begin(), t.dims.begin() + t.n_dims}}, std::move(bytes)});
    }
    return editable;
}

std::string EditableFile::bytes(Random& random, size_t max_bytes) const {
    std::vector<TensorSpec> specs;
    for (const EditableTensor& tensor : tensors) specs.push_back(tensor.spec);
    const auto header = write_header(metadata, specs);
    if (!header || header->file_bytes > max_bytes) return "";
    std::string file = header->bytes;
    file.resize(size_t(header->file_bytes), '\0');
    for (size_t i = 0; i < specs.size(); i++) {
        const std::string& old = tensors[i].data;
        for (uint64_t at = 0; at < header->size_bytes[i]; at++)
            file[header->offset_bytes[i] + at] =
                old.empty() ? char(random()) : old[at % old.size()];
    }
    return file;
}

}  // namespace m2w::gguf::fuzz
