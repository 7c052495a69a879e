#include "prepare/documents.h"

#include <gtest/gtest.h>

#include <string>

#include "support/temp_dir.h"

namespace slip {
namespace {

using test::TempDir;

std::vector<std::string> read_all(DocumentReader& reader, std::uint64_t n_bytes = 1 << 20) {
  std::vector<std::string> texts;
  for (;;) {
    const auto documents = reader.read(n_bytes);
    EXPECT_TRUE(documents);
    if (!documents || documents->empty()) return texts;
    for (const RawDocument& document : *documents) texts.emplace_back(document.bytes);
  }
}

TEST(Documents, AreWhatTheUnitSays) {
  const TempDir dir;
  const auto path = dir.write("a.txt", "\n \r\none\ntwo\n\t\n\n\nthree\r\n\r\nfour");
  DocumentReader paragraphs({path}, DocumentUnit::kParagraphs);
  EXPECT_EQ(read_all(paragraphs), (std::vector<std::string>{"one\ntwo\n", "three\r\n", "four"}));
  DocumentReader lines({path}, DocumentUnit::kLines);
  EXPECT_EQ(read_all(lines), (std::vector<std::string>{"one\n", "two\n", "three\r\n", "four"}));
  DocumentReader files({path, path, dir.write("empty.txt", "")}, DocumentUnit::kFiles);
  EXPECT_EQ(read_all(files).size(), 2u);
}

TEST(Documents, JsonLinesAreLinesWhateverTheUnit) {
  const TempDir dir;
  const auto path = dir.write("a.jsonl", "{\"text\":\"a\"}\n\n{\"text\":\"b\"}\n");
  for (const auto unit : {DocumentUnit::kParagraphs, DocumentUnit::kLines, DocumentUnit::kFiles}) {
    DocumentReader reader({path}, unit);
    const auto documents = *reader.read(1 << 20);
    ASSERT_EQ(documents.size(), 2u);
    EXPECT_TRUE(documents[0].is_json);
    EXPECT_EQ(documents[1].bytes, "{\"text\":\"b\"}\n");
  }
}

TEST(Documents, GoOnFromAnyPlace) {
  const TempDir dir;
  std::string text;
  for (int i = 0; i < 50; ++i) text += std::string(static_cast<std::size_t>(i % 7 + 1), 'x') + "\n";
  const std::vector<std::filesystem::path> files{dir.write("a.txt", text), dir.write("b.txt", ""),
                                                 dir.write("c.txt", text)};
  DocumentReader whole(files, DocumentUnit::kLines);
  const auto expected = read_all(whole);
  ASSERT_EQ(expected.size(), 100u);
  std::vector<std::string> texts;
  DocumentPlace place;
  for (;;) {
    DocumentReader reader(files, DocumentUnit::kLines);
    reader.seek(place);
    const auto documents = *reader.read(17);
    if (documents.empty()) break;
    for (const RawDocument& document : documents) texts.emplace_back(document.bytes);
    place = reader.place();
  }
  EXPECT_EQ(texts, expected);
}

TEST(Documents, TooLongOnesAreCut) {
  const TempDir dir;
  constexpr std::size_t kMax = DocumentReader::kMaxDocumentBytes;
  // Behind a line where there is one, else between characters.
  const std::string lines = std::string(kMax - 2, 'a') + "\n" + std::string(10, 'b');
  std::string umlauts(1, 'x');
  for (std::size_t i = 0; i < kMax; ++i) umlauts += "\xc3\xa4";
  for (const auto unit : {DocumentUnit::kFiles, DocumentUnit::kParagraphs}) {
    DocumentReader reader({dir.write("lines.txt", lines)}, unit);
    const auto texts = read_all(reader);
    ASSERT_EQ(texts.size(), 2u);
    EXPECT_EQ(texts[1], "bbbbbbbbbb");
  }
  DocumentReader reader({dir.write("umlauts.txt", umlauts)}, DocumentUnit::kFiles);
  const auto texts = read_all(reader);
  ASSERT_EQ(texts.size(), 3u);
  EXPECT_EQ(texts[0].size(), kMax - 1);
  EXPECT_EQ(texts[0] + texts[1] + texts[2], umlauts);
}

TEST(Documents, MissingFilesAndFilesThatShrank) {
  const TempDir dir;
  DocumentReader missing({dir / "none.txt"}, DocumentUnit::kFiles);
  EXPECT_EQ(missing.read(1).error().kind, ErrorKind::kNotFound);
  DocumentReader shrunk({dir.write("a.txt", "abc")}, DocumentUnit::kFiles);
  shrunk.seek({.file_idx = 0, .offset = 4});
  EXPECT_EQ(shrunk.read(1).error().kind, ErrorKind::kInvalid);
}

}  // namespace
}  // namespace slip
