#include "formats/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "support/temp_dir.h"

namespace slip {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Json, ErrorsNameFileAndByte) {
  EXPECT_EQ(parse_json("{\"a\": tru}", "x.json").error().message,
            "x.json: byte 6: expected JSON, got syntax error");
  EXPECT_THAT(parse_json("", "x").error().message, HasSubstr("x: byte 0: expected JSON, got"));
  EXPECT_THAT(parse_json("{} {}", "x").error().message, HasSubstr("x: byte 3: expected JSON"));
  EXPECT_FALSE(parse_json("\"\xff\"", "x").has_value());
  EXPECT_FALSE(parse_json("{} // no comments", "x").has_value());
  EXPECT_TRUE(parse_json(" [1, 2] \n", "x").has_value());
}

TEST(Json, DepthIsBounded) {
  const auto nested = [](int depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(parse_json(nested(200), "x").has_value());
  EXPECT_THAT(parse_json(nested(1000000), "x").error().message, HasSubstr("too deep"));
}

TEST(Json, FileSizeIsBounded) {
  test::TempDir dir;
  const auto path = dir.write("t.txt", "123456");
  EXPECT_EQ(read_text(path, 6).value(), "123456");
  EXPECT_EQ(read_text(path, 5).error().kind, ErrorKind::kLimit);
}

class JsonViewTest : public testing::Test {
 protected:
  boost::json::value value_ = parse_json(R"({
    "i": 3, "whole": 4.0, "half": 0.5, "big": 1000000000000000019884624838656, "t": true, "n": null,
    "s": "text", "is": [1, 2.0], "xs": [1, 0.5], "ss": ["a"], "mixed": [1, "a"],
    "o": {"factor": "8", "list": [{"x": 1}, {"y": 2}]}})",
                                         "c.json")
                                  .value();
  JsonView view_{value_.get_object(), "c.json"};
};

TEST_F(JsonViewTest, ConvertsWhatFits) {
  EXPECT_EQ(view_.integer("i").value(), 3);
  EXPECT_EQ(view_.integer("whole").value(), 4);
  EXPECT_EQ(view_.number("i").value(), 3.0);
  EXPECT_EQ(view_.number("big").value(), 1e30);
  EXPECT_TRUE(view_.boolean("t").value());
  EXPECT_EQ(view_.string("s").value(), "text");
  EXPECT_THAT(view_.integers("is").value(), ElementsAre(1, 2));
  EXPECT_THAT(view_.numbers("xs").value(), ElementsAre(1, 0.5));
  EXPECT_THAT(view_.strings("ss").value(), ElementsAre("a"));
  EXPECT_EQ(view_.object("o")->objects("list").value()[1].integer("y").value(), 2);
}

TEST_F(JsonViewTest, MessagesNameTheKey) {
  EXPECT_EQ(view_.integer("half").error().message,
            "c.json: key half: expected an integer, got '5E-1'");
  EXPECT_EQ(view_.integer("s").error().message,
            "c.json: key s: expected an integer, got '\"text\"'");
  EXPECT_EQ(view_.integer("big").error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(view_.number("o").error().message, "c.json: key o: expected a number, got an object");
  EXPECT_EQ(view_.integers("mixed").error().message,
            "c.json: key mixed[1]: expected an integer, got '\"a\"'");
  EXPECT_EQ(view_.strings("s").error().message, "c.json: key s: expected an array, got '\"text\"'");
  EXPECT_EQ(view_.object("o")->number("factor").error().message,
            "c.json: key o.factor: expected a number, got '\"8\"'");
  EXPECT_EQ(view_.object("o")->objects("list").value()[0].integer("y").error().message,
            "c.json: key o.list[0].y: not in the file");
}

TEST_F(JsonViewTest, NullIsLikeAbsence) {
  EXPECT_EQ(view_.integer("n").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(view_.integer("none").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(view_.integer_or("n", 7).value(), 7);
  EXPECT_EQ(view_.string_or("none", "x").value(), "x");
  EXPECT_EQ(view_.number_or("half", 7).value(), 0.5);
  EXPECT_FALSE(view_.boolean_or("s", true).has_value());
}

}  // namespace
}  // namespace slip
