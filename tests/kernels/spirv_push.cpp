// spirv_push.cpp — one pass over the types and decorations of a module. Opcodes, decorations and
// storage classes: SPIR-V specification 1.5, section 3.
#include "tests/kernels/spirv_push.h"

#include <algorithm>
#include <map>
#include <set>

namespace m2w::test {
namespace {

constexpr uint32_t kMagic = 0x07230203, kHeaderWords = 5;
enum Opcode : uint32_t {
    kTypeInt = 21,
    kTypeFloat = 22,
    kTypeVector = 23,
    kTypeRuntimeArray = 29,
    kTypeStruct = 30,
    kTypePointer = 32,
    kVariable = 59,
    kMemberDecorate = 72,
};
enum Decoration : uint32_t { kNonWritable = 24, kNonReadable = 25, kOffset = 35 };
enum StorageClass : uint32_t { kPushConstant = 9, kPhysicalStorageBuffer = 5349 };

class Reader {
  public:
    explicit Reader(std::span<const uint32_t> words) {
        if (words.size() < kHeaderWords || words[0] != kMagic) return;
        for (size_t at = kHeaderWords; at < words.size();) {
            const uint32_t length = words[at] >> 16;
            if (length == 0 || at + length > words.size()) return;
            instruction(Opcode(words[at] & 0xffffu), words.subspan(at + 1, length - 1));
            at += length;
        }
    }

    std::vector<PushMember> members() const {
        std::vector<PushMember> out;
        if (!push_struct_) return out;
        const std::vector<uint32_t>& types = types_.at(push_struct_).operands;
        for (uint32_t i = 0; i < types.size(); ++i) {
            const std::string type = name(types[i]);
            const auto offset = offsets_.find({push_struct_, i});
            const bool word = type == "u32" || type == "f32";
            out.push_back(
                {type, offset == offsets_.end() ? UINT32_MAX : offset->second, word ? 4u : 8u});
        }
        return out;
    }

  private:
    struct Type {
        Opcode opcode{};
        std::vector<uint32_t> operands;  // without the result id
    };

    void instruction(Opcode opcode, std::span<const uint32_t> operands) {
        switch (opcode) {
            case kTypeInt:
            case kTypeFloat:
            case kTypeVector:
            case kTypeRuntimeArray:
            case kTypeStruct:
            case kTypePointer:
                types_[operands[0]] = {opcode, {operands.begin() + 1, operands.end()}};
                break;
            case kVariable:
                if (operands[2] == kPushConstant) push_struct_ = types_[operands[0]].operands[1];
                break;
            case kMemberDecorate:
                if (operands[2] == kOffset) offsets_[{operands[0], operands[1]}] = operands[3];
                if (operands[2] == kNonWritable) read_only_.insert(operands[0]);
                if (operands[2] == kNonReadable) write_only_.insert(operands[0]);
                break;
        }
    }

    std::string name(uint32_t id) const {
        const auto at = types_.find(id);
        if (at == types_.end()) return "?";
        const Type& type = at->second;
        switch (type.opcode) {
            case kTypeInt:
                return "u" + std::to_string(type.operands[0]);
            case kTypeFloat:
                return "f" + std::to_string(type.operands[0]);
            case kTypeVector:
                return name(type.operands[0]) == "u32" && type.operands[1] == 2 ? "uvec2" : "?";
            case kTypePointer:
                return type.operands[0] == kPhysicalStorageBuffer ? buffer(type.operands[1]) : "?";
            default:
                return "?";
        }
    }

    /// "f32 in" of a buffer that is one array.
    std::string buffer(uint32_t id) const {
        const auto block = types_.find(id);
        if (block == types_.end() || block->second.opcode != kTypeStruct) return "?";
        const auto first = types_.find(block->second.operands[0]);
        const bool array = first != types_.end() && first->second.opcode == kTypeRuntimeArray;
        const bool in = read_only_.contains(id), out = write_only_.contains(id);
        return (array ? name(first->second.operands[0]) : "struct") + (in == out ? " both"
                                                                       : in      ? " in"
                                                                                 : " out");
    }

    std::map<uint32_t, Type> types_;
    std::map<std::pair<uint32_t, uint32_t>, uint32_t> offsets_;  // of (struct, member)
    std::set<uint32_t> read_only_, write_only_;                  // structs
    uint32_t push_struct_ = 0;
};

}  // namespace

std::vector<PushMember> push_members(std::span<const uint32_t> words) {
    return Reader(words).members();
}

}  // namespace m2w::test
