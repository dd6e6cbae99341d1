// commands.cpp — records, submits and times one command buffer.
#include "runtime/vk/commands.h"

#include <utility>

#include "runtime/vk/error.h"

namespace m2w::vk {
namespace {

struct Access {
    VkPipelineStageFlags stages = 0;
    VkAccessFlags access = 0;
};

bool has(Stage stages, Stage one) {
    return (uint8_t(stages) & uint8_t(one)) != 0;
}

Access writes(Stage stages) {
    Access out;
    if (has(stages, Stage::compute)) {
        out.stages |= VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT;
        out.access |= VK_ACCESS_SHADER_WRITE_BIT;
    }
    if (has(stages, Stage::transfer)) {
        out.stages |= VK_PIPELINE_STAGE_TRANSFER_BIT;
        out.access |= VK_ACCESS_TRANSFER_WRITE_BIT;
    }
    return out;
}

Access reads_and_writes(Stage stages) {
    Access out = writes(stages);
    if (has(stages, Stage::compute))
        out.access |= VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_UNIFORM_READ_BIT;
    if (has(stages, Stage::transfer)) out.access |= VK_ACCESS_TRANSFER_READ_BIT;
    if (has(stages, Stage::indirect)) {
        out.stages |= VK_PIPELINE_STAGE_DRAW_INDIRECT_BIT;
        out.access |= VK_ACCESS_INDIRECT_COMMAND_READ_BIT;
    }
    if (has(stages, Stage::host)) {
        out.stages |= VK_PIPELINE_STAGE_HOST_BIT;
        out.access |= VK_ACCESS_HOST_READ_BIT;
    }
    return out;
}

}  // namespace

Groups split_groups(uint64_t count, const Caps& caps) {
    const uint64_t limit_x = caps.max_workgroup_count[0];
    M2W_ASSERT(count > 0);
    const uint64_t y = (count - 1) / limit_x + 1;
    M2W_ASSERT(y <= caps.max_workgroup_count[1]);
    return {uint32_t((count - 1) / y + 1), uint32_t(y), 1};
}

Result<Commands> Commands::create(Device& device, uint32_t max_timestamps) {
    TRY(device.check());
    Commands out(device);
    auto pool = vk_struct<VkCommandPoolCreateInfo>(VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO);
    pool.queueFamilyIndex = device.caps().queue_family;
    TRY(device.check(vkCreateCommandPool(device.handle(), &pool, nullptr, &out.pool_),
                     "vkCreateCommandPool"));
    auto info =
        vk_struct<VkCommandBufferAllocateInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO);
    info.commandPool = out.pool_;
    info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
    info.commandBufferCount = 1;
    TRY(device.check(vkAllocateCommandBuffers(device.handle(), &info, &out.commands_),
                     "vkAllocateCommandBuffers"));
    if (max_timestamps == 0 || device.caps().timestamp_valid_bits == 0) return out;
    auto queries = vk_struct<VkQueryPoolCreateInfo>(VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO);
    queries.queryType = VK_QUERY_TYPE_TIMESTAMP;
    queries.queryCount = max_timestamps;
    TRY(device.check(vkCreateQueryPool(device.handle(), &queries, nullptr, &out.queries_),
                     "vkCreateQueryPool"));
    out.max_timestamps_ = max_timestamps;
    return out;
}

Commands::Commands(Commands&& other) noexcept {
    *this = std::move(other);
}

Commands& Commands::operator=(Commands&& other) noexcept {
    if (this == &other) return *this;
    destroy();
    device_ = other.device_;
    pool_ = std::exchange(other.pool_, VK_NULL_HANDLE);
    commands_ = std::exchange(other.commands_, VK_NULL_HANDLE);
    queries_ = std::exchange(other.queries_, VK_NULL_HANDLE);
    max_timestamps_ = other.max_timestamps_;
    timestamps_ = other.timestamps_;
    bound_ = other.bound_;
    serial_ = std::exchange(other.serial_, 0);
    state_ = std::exchange(other.state_, State::empty);
    return *this;
}

Commands::~Commands() {
    destroy();
}

void Commands::destroy() {
    if (!pool_ || !device_->quiesce()) return;
    vkDestroyQueryPool(device_->handle(), queries_, nullptr);
    vkDestroyCommandPool(device_->handle(), pool_, nullptr);  // and its command buffer
    pool_ = VK_NULL_HANDLE;
}

Result<void> Commands::begin() {
    TRY(wait());
    state_ = State::empty;
    TRY(device_->check(vkResetCommandPool(device_->handle(), pool_, 0), "vkResetCommandPool"));
    auto info = vk_struct<VkCommandBufferBeginInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO);
    TRY(device_->check(vkBeginCommandBuffer(commands_, &info), "vkBeginCommandBuffer"));
    if (queries_) vkCmdResetQueryPool(commands_, queries_, 0, max_timestamps_);
    state_ = State::recording;
    timestamps_ = 0;
    bound_ = VK_NULL_HANDLE;
    serial_ = 0;
    return {};
}

void Commands::bind(const Pipeline& pipeline, std::span<const std::byte> push) {
    M2W_ASSERT(state_ == State::recording);
    M2W_ASSERT(push.size() == pipeline.push_constant_bytes);
    if (bound_ != pipeline.handle)
        vkCmdBindPipeline(commands_, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.handle);
    bound_ = pipeline.handle;
    if (!push.empty())
        vkCmdPushConstants(commands_, pipeline.layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                           uint32_t(push.size()), push.data());
}

void Commands::dispatch(const Pipeline& pipeline, std::span<const std::byte> push, Groups groups) {
    const auto& limit = device_->caps().max_workgroup_count;
    M2W_ASSERT(groups.x > 0 && groups.y > 0 && groups.z > 0);
    M2W_ASSERT(groups.x <= limit[0] && groups.y <= limit[1] && groups.z <= limit[2]);
    bind(pipeline, push);
    vkCmdDispatch(commands_, groups.x, groups.y, groups.z);
}

void Commands::dispatch(const Pipeline& pipeline, std::span<const std::byte> push, Groups groups,
                        const UniformWindow& window, uint32_t offset_bytes,
                        VkDescriptorSet texels) {
    M2W_ASSERT(offset_bytes % device_->caps().min_uniform_alignment_bytes == 0);
    const VkDescriptorSet sets[] = {window.set(), texels};
    vkCmdBindDescriptorSets(commands_, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.layout, 0, 2, sets,
                            1, &offset_bytes);
    dispatch(pipeline, push, groups);
}

void Commands::dispatch_indirect(const Pipeline& pipeline, std::span<const std::byte> push,
                                 Slice args) {
    M2W_ASSERT(args.size_bytes >= sizeof(VkDispatchIndirectCommand) && args.offset_bytes % 4 == 0);
    bind(pipeline, push);
    vkCmdDispatchIndirect(commands_, args.buffer->handle(), args.offset_bytes);
}

void Commands::copy(Slice from, Slice to) {
    M2W_ASSERT(state_ == State::recording);
    M2W_ASSERT(from.size_bytes == to.size_bytes);
    if (from.size_bytes == 0) return;
    const VkBufferCopy region{from.offset_bytes, to.offset_bytes, from.size_bytes};
    vkCmdCopyBuffer(commands_, from.buffer->handle(), to.buffer->handle(), 1, &region);
}

void Commands::fill(Slice to, uint32_t word) {
    M2W_ASSERT(state_ == State::recording);
    M2W_ASSERT(to.offset_bytes % 4 == 0 && to.size_bytes % 4 == 0);
    if (to.size_bytes == 0) return;
    vkCmdFillBuffer(commands_, to.buffer->handle(), to.offset_bytes, to.size_bytes, word);
}

void Commands::barrier(Stage before, Stage after) {
    M2W_ASSERT(state_ == State::recording);
    M2W_ASSERT(!has(before, Stage::host | Stage::indirect));
    const Access from = writes(before), to = reads_and_writes(after);
    auto memory = vk_struct<VkMemoryBarrier>(VK_STRUCTURE_TYPE_MEMORY_BARRIER);
    memory.srcAccessMask = from.access;
    memory.dstAccessMask = to.access;
    vkCmdPipelineBarrier(commands_, from.stages, to.stages, 0, 1, &memory, 0, nullptr, 0, nullptr);
}

uint32_t Commands::timestamp() {
    M2W_ASSERT(state_ == State::recording);
    if (!queries_) return timestamps_++;  // timestamps_ns() will say that there are none
    M2W_ASSERT(timestamps_ < max_timestamps_);
    vkCmdWriteTimestamp(commands_, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, queries_, timestamps_);
    return timestamps_++;
}

Result<void> Commands::end() {
    M2W_ASSERT(state_ == State::recording);
    state_ = State::empty;
    TRY(device_->check(vkEndCommandBuffer(commands_), "vkEndCommandBuffer"));
    state_ = State::recorded;
    return device_->check();
}

Result<uint64_t> Commands::submit() {
    M2W_ASSERT(state_ == State::recorded);
    TRY(wait());
    TRY(serial_, device_->submit(commands_));
    return serial_;
}

Result<void> Commands::wait(std::chrono::milliseconds timeout) {
    if (serial_ == 0) return device_->check();
    return device_->wait(serial_, timeout);
}

Result<void> Commands::submit_and_wait() {
    TRY(submit());
    return wait();
}

Result<std::vector<double>> Commands::timestamps_ns() {
    if (timestamps_ == 0) return std::vector<double>();
    const Caps& caps = device_->caps();
    if (!queries_)
        return Error{Category::unsupported, "the device's compute queue has no timestamps"};
    M2W_ASSERT(serial_ != 0);
    TRY(wait());
    std::vector<uint64_t> ticks(timestamps_);
    const VkResult result = vkGetQueryPoolResults(device_->handle(), queries_, 0, timestamps_,
                                                  ticks.size() * sizeof(uint64_t), ticks.data(),
                                                  sizeof(uint64_t), VK_QUERY_RESULT_64_BIT);
    if (result != VK_SUCCESS) return device_->fail(result, "vkGetQueryPoolResults");
    const uint64_t mask =
        caps.timestamp_valid_bits >= 64 ? ~0ull : (1ull << caps.timestamp_valid_bits) - 1;
    std::vector<double> ns;
    for (const uint64_t tick : ticks)  // modulo 2^valid bits, so that a wrap does no harm
        ns.push_back(double((tick - ticks[0]) & mask) * caps.timestamp_period_ns);
    return ns;
}

}  // namespace m2w::vk
