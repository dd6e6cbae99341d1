// fault_cases_test.cpp — every scenario of the shared fault cases: the right bytes or the right
// error, no token where it does not belong, nothing fetched in vain.
#include <gtest/gtest.h>

#include <cstdlib>

#include "gguf/fetch/cached_model.h"
#include "gguf/fetch/cached_source.h"
#include "gguf/fetch/journal.h"
#include "gguf/fetch/remote_file.h"
#include "gguf/sha256.h"
#include "tests/fetch/fake_server.h"
#include "tests/fetch/fault_server.h"
#include "tests/support/temporary.h"

namespace m2w {
namespace {

/// A way to read a file of five ranges in ranges.
struct Reader {
    const char* name;
    uint64_t file_bytes, range_bytes;
    /// All of the file; `sha256` is enforced, or else what the server says of it.
    Result<std::string> (*read)(const std::string& url, const fetch::FetchOptions& options,
                                const std::string& sha256);
};

Result<std::string> checked(std::string bytes, const std::string& sha256) {
    if (!sha256.empty() && sha256_hex(bytes) != sha256)
        return Error{Category::checksum, "SHA-256 differs"};
    return bytes;
}

Result<std::string> read_remote(const std::string& url, const fetch::FetchOptions& options,
                                const std::string& sha256) {
    TRY(const auto file, fetch::RemoteFile::open(url, options));
    const fetch::RemoteIdentity& identity = file->identity();
    std::string bytes;
    const fetch::ByteSink sink = [&](std::span<const std::byte> piece) -> Result<void> {
        bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        return {};
    };
    const uint64_t step =
        identity.ranges ? options.first_bytes : std::max<uint64_t>(identity.size_bytes, 1);
    for (uint64_t at = 0; at < identity.size_bytes; at += step)
        TRY(file->fetch(at, std::min(step, identity.size_bytes - at), sink));
    return checked(std::move(bytes), sha256.empty() ? identity.sha256 : sha256);
}

Result<std::string> read_through_cache(const std::string& url, const fetch::FetchOptions& options,
                                       const std::string& sha256) {
    const test::TemporaryFolder cache;
    TRY(const auto model, fetch::CachedModel::open(url, {options, cache.path()}));
    const auto file = model.files()[0];
    const auto source = fetch::make_cached_source(file, "m.gguf");
    std::string bytes(source->size_bytes(), '\0');
    for (uint64_t at = 0; at < bytes.size(); at += options.first_bytes)
        TRY(source->read(at, std::as_writable_bytes(std::span(bytes))
                                 .subspan(at, std::min(options.first_bytes, bytes.size() - at))));
    return checked(std::move(bytes), sha256.empty() ? file->identity().sha256 : sha256);
}

constexpr Reader kRemote{"remote", 79'999, 16u << 10, read_remote};
constexpr Reader kCached{"cached", 5 * fetch::kMinChunkBytes - 1, fetch::kMinChunkBytes,
                         read_through_cache};

bool accepts(const nlohmann::json& row, const std::string& category) {
    const auto& also = row["also_accept"];
    return std::find(also.begin(), also.end(), category) != also.end();
}

void run_case(const Reader& reader, const test::FaultServer& server, const nlohmann::json& row,
              const std::string& bytes) {
    server.reset();
    std::string path = row["url"];
    path.replace(path.find("{f}"), 3, "m.gguf");
    fetch::FetchOptions options = test::impatient_options();
    options.first_bytes = reader.range_bytes;
    if (row["token"]) options.token = "m2w-secret";
    const auto got = reader.read(server.url(path), options, row["sha256"] ? sha256_hex(bytes) : "");
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

class FaultCases : public testing::TestWithParam<Reader> {};

TEST_P(FaultCases, every_one_ends_as_it_has_to) {
    M2W_SHARED(cases, "robust/fault_cases.json");
    M2W_SHARED(script, "robust/fault_server.py");
    const std::string bytes = test::varied_bytes(GetParam().file_bytes);
    const test::TemporaryFolder folder;
    std::ofstream(folder.path() / "m.gguf", std::ios::binary) << bytes;
    const test::FaultServer server(script, folder.path());
    const auto rows = nlohmann::json::parse(test::read_text(cases))["cases"];
    EXPECT_GE(rows.size(), 63u);
    for (const auto& row : rows) {
        SCOPED_TRACE(row["name"].get<std::string>() + ": " + row["why"].get<std::string>());
        run_case(GetParam(), server, row, bytes);
    }
}

INSTANTIATE_TEST_SUITE_P(readers, FaultCases, testing::Values(kRemote, kCached),
                         [](const auto& reader) { return reader.param.name; });

}  // namespace
}  // namespace m2w
