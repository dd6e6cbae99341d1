// print_chats.cpp — prints the golden templates and snippets as TypeScript modules into a folder,
// with an index of them, for chat.test.ts. Judges nothing.
//   print_chats CHAT_FOLDER OUT
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <span>

#include "tests/jinja/chats.h"
#include "web-export/script_text.h"
#include "web-export/template_printer.h"

namespace m2w::web {
namespace {

namespace fs = std::filesystem;
using jinja::test::member;

class Index {
  public:
    explicit Index(fs::path folder) : folder_(std::move(folder)) {}

    /// Adds an entry: the module's render, or why there is none.
    void add(const std::string& name, const std::string& source) {
        const auto tmpl = jinja::Template::parse(source);
        const auto module = tmpl ? print_chat(*tmpl) : Result<std::string>(tmpl.error());
        if (module) {
            const std::string file = "m" + std::to_string(count_++);
            std::ofstream(folder_ / (file + ".ts"), std::ios::binary) << *module;
            imports_ += "import { render as " + file + " } from './" + file + "';\n";
            entries_ += "  [" + script_string(name) + "]: { render: " + file + " },\n";
        } else {
            entries_ += "  [" + script_string(name) +
                        "]: { error: " + script_string(module.error().message) + ", category: '" +
                        std::string(category_name(module.error().category)) + "' },\n";
        }
    }
    void end_table(const std::string& name) {
        tables_ += "export const " + name + " = {\n" + std::exchange(entries_, {}) + "};\n";
    }
    void write() const {
        std::ofstream(folder_ / "index.ts", std::ios::binary) << imports_ << tables_;
    }

  private:
    fs::path folder_;
    std::string imports_, entries_, tables_;
    int count_ = 0;
};

int run(const fs::path& chat, const fs::path& out, std::span<char*> more) {
    fs::create_directories(out);
    Index index(out);
    const auto fail = [](const Error& error) {
        std::fprintf(stderr, "print_chats: %s\n", error.message.c_str());
        return 1;
    };
    const auto templates = jinja::test::read_golden_templates(chat);
    if (!templates) return fail(templates.error());
    for (const auto& t : *templates) index.add(t.name, t.source);
    index.end_table("templates");
    std::vector<fs::path> files{chat / "jinja_unit.jsonl"};
    files.insert(files.end(), more.begin(), more.end());
    for (const fs::path& file : files) {
        const auto snippets = jinja::test::read_jsonl(file);
        if (!snippets) return fail(snippets.error());
        for (const auto& record : *snippets)
            index.add(*member(record, "id"), *member(record, "template"));
    }
    index.end_table("snippets");
    index.write();
    return 0;
}

}  // namespace
}  // namespace m2w::web

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: print_chats CHAT_FOLDER OUT [MORE_SNIPPETS.jsonl...]\n");
        return 1;
    }
    return m2w::web::run(argv[1], argv[2], std::span(argv + 3, argv + argc));
}
