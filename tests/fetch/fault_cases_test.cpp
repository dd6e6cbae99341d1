// fault_cases_test.cpp — every scenario of the shared fault cases: the right bytes or the right
// error, no token where it does not belong, nothing fetched in vain.
#include <gtest/gtest.h>

#include <cstdlib>

#include "gguf/fetch/remote_file.h"
#include "gguf/sha256.h"
#include "tests/fetch/fault_server.h"
#include "tests/support/temporary.h"

namespace m2w {
namespace {

constexpr uint64_t kRangeBytes = 16u << 10;
constexpr size_t kFileBytes = 79'999;

/// Bytes that differ wherever one looks.
std::string content() {
    std::string text;
    for (int i = 0; text.size() < kFileBytes; i++) text += sha256_hex(std::to_string(i));
    text.resize(kFileBytes);
    return text;
}

/// The file in ranges of 16 KiB, as a reader of a model asks for it; `sha256` is enforced if known.
Result<std::string> download(const std::string& url, const fetch::FetchOptions& options,
                             std::string sha256) {
    TRY(const auto file, fetch::RemoteFile::open(url, options));
    const fetch::RemoteIdentity& identity = file->identity();
    std::string bytes;
    const fetch::ByteSink sink = [&](std::span<const std::byte> piece) -> Result<void> {
        bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        return {};
    };
    const uint64_t step =
        identity.ranges ? kRangeBytes : std::max<uint64_t>(identity.size_bytes, 1);
    for (uint64_t at = 0; at < identity.size_bytes; at += step)
        TRY(file->fetch(at, std::min(step, identity.size_bytes - at), sink));
    if (sha256.empty()) sha256 = identity.sha256;
    if (!sha256.empty() && sha256_hex(bytes) != sha256)
        return Error{Category::checksum, "SHA-256 differs"};
    return bytes;
}

bool accepts(const nlohmann::json& row, const std::string& category) {
    const auto& also = row["also_accept"];
    return std::find(also.begin(), also.end(), category) != also.end();
}

void run_case(const test::FaultServer& server, const nlohmann::json& row,
              const std::string& bytes) {
    server.reset();
    std::string path = row["url"];
    path.replace(path.find("{f}"), 3, "m.gguf");
    fetch::FetchOptions options = test::impatient_options();
    if (row["token"]) options.token = "m2w-secret";
    const auto got = download(server.url(path), options, row["sha256"] ? sha256_hex(bytes) : "");
    if (got) {
        EXPECT_EQ(row["expect"], "ok");
        EXPECT_TRUE(*got == bytes) << "wrong bytes";
    } else {
        const std::string category(category_name(got.error().category));
        EXPECT_TRUE(row["category"] == category || accepts(row, category)) << got.error().str();
        EXPECT_EQ(got.error().message.find("m2w-secret"), std::string::npos);
    }
    const auto stats = server.stats();
    EXPECT_EQ(stats["token_leaks"], 0);
    EXPECT_LE(stats["bytes"].get<double>(),
              row["max_bytes_factor"].get<double>() * double(bytes.size()) + 1000);
    if (std::getenv("M2W_SHOW_FAULT_CASES"))
        std::printf("%-22s %-60s %3d requests %7d bytes\n", row["name"].get<std::string>().c_str(),
                    got ? "ok" : got.error().str().c_str(), stats["requests"].get<int>(),
                    stats["bytes"].get<int>());
}

TEST(fault_cases, every_one_ends_as_it_has_to) {
    M2W_SHARED(cases, "robust/fault_cases.json");
    M2W_SHARED(script, "robust/fault_server.py");
    const std::string bytes = content();
    const test::TemporaryFolder folder;
    std::ofstream(folder.path() / "m.gguf", std::ios::binary) << bytes;
    const test::FaultServer server(script, folder.path());
    const auto rows = nlohmann::json::parse(test::read_text(cases))["cases"];
    EXPECT_GE(rows.size(), 63u);
    for (const auto& row : rows) {
        SCOPED_TRACE(row["name"].get<std::string>() + ": " + row["why"].get<std::string>());
        run_case(server, row, bytes);
    }
}

}  // namespace
}  // namespace m2w
