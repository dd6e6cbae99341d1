// vector_file.cpp — from a vector file to StepCases.
#include "tests/kernels/vector_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "tests/support/shared.h"

namespace m2w::test {
namespace {

class VectorFileReader {
  public:
    VectorFileReader(const OpInfo& info, std::shared_ptr<const gguf::File> file)
        : info_(info), file_(std::move(file)) {}

    Result<VectorFile> read() {
        VectorFile out;
        out.path = file_->name();
        TRY(const auto version, file_->get_u32("vectors.version"));
        TRY(const auto op, file_->get_string("vectors.op"));
        if (version != 1 || op != info_.name)
            return Error{Category::unsupported,
                         fmt::format("{}: version {} of op {}", out.path, version, op)};
        TRY(out.rtol, file_->get_f32("vectors.rtol"));
        TRY(const auto provenance, file_->get_string("vectors.provenance"));
        out.provenance = provenance;
        TRY(const auto* names, file_->find_strings("vectors.cases"));
        if (!names || names->empty())
            return Error{Category::missing_metadata, out.path + ": no cases"};
        for (const std::string& name : *names) {
            TRY(auto one, read_case(name));
            out.cases.push_back(std::move(one));
        }
        if (n_tensors_ != file_->tensors().size())
            return Error{Category::shape_mismatch,
                         fmt::format("{}: {} tensors, {} of them belong to a case's bindings",
                                     out.path, file_->tensors().size(), n_tensors_)};
        return out;
    }

  private:
    Result<VectorCase> read_case(const std::string& name) {
        VectorCase out;
        out.step.name = "vector=" + name;
        out.step.op = info_.op;
        TRY(out.batch.n_tok, file_->get_u32(name + ".n_tok"));
        TRY(out.batch.pos, file_->get_u32(name + ".pos"));
        TRY(out.batch.n_out, file_->get_u32(name + ".n_out"));
        TRY(const auto rows, file_->get_string(name + ".rows"));
        out.step.rows = rows == "n_out" ? Rows::n_out : Rows::n_tok;
        TRY(const auto cache, file_->find_string(name + ".cache"));
        out.rig.cache = cache.value_or("f16") == "f16" ? CacheType::f16 : CacheType::f32;
        TRY(const auto n_ctx, file_->find_u32(name + ".n_ctx"));
        out.rig.n_ctx = n_ctx.value_or(0);
        if (cache) out.rig.n_batch = std::max(out.batch.n_tok, out.batch.pos);
        TRY(read_params(name, out.step));
        std::map<std::string_view, std::vector<float>> inputs;
        for (uint32_t b = 0; b < info_.n_bindings(); ++b)
            TRY(read_binding(name, info_.bindings[b], out, inputs));
        out.step.fill = [inputs = std::move(inputs), batch = out.batch](
                            std::string_view binding, const BatchCase& now, std::span<float> to) {
            return copy_input(inputs, batch, binding, now, to);
        };
        return out;
    }

    Result<void> read_params(const std::string& name, StepCase& step) {
        for (uint32_t i = 0; i < info_.n_params(); ++i) {
            const Param& param = info_.params[i];
            const std::string key = fmt::format("{}.param.{}", name, param.name);
            if (param.optional && !file_->find(key)) continue;
            if (param.type == ParamType::f32) {
                TRY(const float value, file_->get_f32(key));
                step.params.push_back(f32_param(param.name, value));
            } else {
                TRY(const uint32_t value, file_->get_u32(key));
                step.params.push_back({param.name, value});
            }
        }
        return {};
    }

    Result<void> read_binding(const std::string& name, const Binding& binding, VectorCase& out,
                              std::map<std::string_view, std::vector<float>>& inputs) {
        const std::string key = fmt::format("{}.{}", name, binding.name);
        if (binding.kind == Bind::tokens || binding.kind == Bind::constant) {
            TRY(auto words, file_->find_u32s(key));
            if (!words && binding.optional) return {};
            if (!words) return Error{Category::missing_metadata, key};
            (binding.kind == Bind::tokens ? out.batch.tokens : out.step.words) = *words;
            return {};
        }
        const gguf::TensorInfo* tensor = file_->find_tensor(key);
        const bool zero_past = binding.kind == Bind::state && out.batch.pos == 0;
        if (!tensor && (binding.optional || (zero_past && binding.mode == Mode::in))) return {};
        if (!tensor) return Error{Category::shape_mismatch, key + " is missing"};
        ++n_tensors_;
        if (binding.optional) out.step.with.push_back(binding.name);
        if (binding.kind == Bind::weight || binding.kind == Bind::vector) {
            auto& bytes = out.step.stored[binding.name];
            bytes.resize(tensor->size_bytes);
            TRY(file_->read(*tensor, 0, bytes));
            (binding.kind == Bind::weight ? out.step.weight_type : out.step.vector_type) =
                tensor->dtype;
            out.step.n_vocab = uint32_t(tensor->rows());
            return {};
        }
        TRY(auto values, file_->decode(*tensor));
        const bool is_input = binding.mode == Mode::in;
        (is_input ? inputs : out.expected)[binding.name] = std::move(values);
        return {};
    }

    /// Inputs of a batch. For caches that an op reads there is first a batch that fills the
    /// positions before the case's own, by way of kv_store's k and v.
    static bool copy_input(const std::map<std::string_view, std::vector<float>>& inputs,
                           const BatchCase& batch, std::string_view binding, const BatchCase& now,
                           std::span<float> to) {
        auto at = inputs.find(binding);
        const bool cached = at == inputs.end();
        if (cached) at = inputs.find(binding == "k" ? "k_cache" : "v_cache");
        M2W_ASSERT(at != inputs.end());
        const bool fills = now.pos != batch.pos;
        if (fills && !cached) return false;  // nobody looks at the outputs
        const size_t first = cached ? to.size() / now.n_tok * now.pos : 0;
        M2W_ASSERT(first + to.size() <= at->second.size());
        M2W_ASSERT(fills || first + to.size() == at->second.size());
        std::copy_n(at->second.begin() + ptrdiff_t(first), to.size(), to.begin());
        return true;
    }

    const OpInfo& info_;
    std::shared_ptr<const gguf::File> file_;
    size_t n_tensors_ = 0;
};

}  // namespace

std::string vector_path(const OpInfo& info) {
    return fmt::format("{}/tests/vectors/{}.gguf", M2W_SOURCE_DIR, info.name);
}

Result<VectorFile> read_vectors(const OpInfo& info) {
    TRY(auto file, gguf::File::open(vector_path(info)));
    return VectorFileReader(info, std::move(file)).read();
}

}  // namespace m2w::test
