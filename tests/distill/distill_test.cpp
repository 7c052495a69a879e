#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "base/os/mapped_file.h"
#include "distill/checkpoint.h"
#include "distill/training.h"
#include "engine/loaded_model.h"
#include "quant/half.h"
#include "support/temp_dir.h"
#include "support/tiny_gguf.h"

namespace slip {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kWindow = 24;

std::string text_of(std::size_t n_bytes) {
  std::string text;
  while (text.size() < n_bytes) text += "hello world, the well fell; hell yellow bells. ";
  return text;
}

// A teacher of three layers, its cache of a text, and students of it.
class DistillTest : public ::testing::Test {
 protected:
  void SetUp() override {
    teacher_ = dir_ / "teacher.gguf";
    test::tiny_llama({.n_layers = 3}).write(teacher_);
    runtime_ = *Runtime::create({.n_threads = 2});
  }

  std::unique_ptr<LoadedModel> load(const std::filesystem::path& path, Arithmetic arithmetic) {
    LoadOptions options;
    options.n_ctx = kWindow;
    options.arithmetic = arithmetic;
    options.shared_kv =
        LoadOptions::SharedKv{.memory_bytes = 0, .max_tokens = kTeacherSequences * 32};
    return std::move(*LoadedModel::load(path, *runtime_, options));
  }

  TeacherCacheOptions cache_options() const {
    return {.window = kWindow, .max_windows = 20, .top_k = 16};
  }

  TeacherCache make_cache(const TeacherCacheOptions& options) {
    const auto teacher = load(teacher_, Arithmetic::kExact);
    const auto path = dir_ / "cache";
    const auto written = write_teacher_cache(path, *teacher, text_of(2000), options, {.key = 7});
    EXPECT_TRUE(written) << written.error().message;
    return std::move(*TeacherCache::open(path, 7));
  }

  static NetworkOptions network_options() {
    return {.n_threads = 1, .window = kWindow, .kl_weight = 1};
  }
  static TrainingOptions training_options() {
    return {.n_steps = 12,
            .batch = 4,
            .n_held_out = 4,
            .learning_rate = 3e-3,
            .warmup = 3,
            .eval_every = 4,
            .checkpoint_every = 5,
            .fingerprint = 11};
  }

  test::TempDir dir_;
  std::filesystem::path teacher_;
  std::unique_ptr<Runtime> runtime_;
};

// The engine's logits of every token, exact.
std::vector<float> engine_logits(LoadedModel& model, const std::vector<std::int32_t>& tokens) {
  const auto logits = model.session().extend(tokens);
  EXPECT_TRUE(logits);
  return {logits->begin(), logits->end()};
}

TEST_F(DistillTest, LogitsAreTheEngines) {
  const std::vector<std::int32_t> tokens = {72, 101, 259, 32, 119, 111, 114, 108, 100, 260, 5, 17};
  for (const bool tied : {false, true}) {
    const auto path = dir_ / "model.gguf";
    test::tiny_llama({.n_layers = 3, .tied_embeddings = tied}).write(path);
    const auto student = load_student(path, {});
    ASSERT_TRUE(student) << student.error().message;
    Network network(*student, network_options());
    const auto expected = engine_logits(*load(path, Arithmetic::kExact), tokens);
    const auto got = network.logits(tokens);
    ASSERT_EQ(got.size(), expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], expected[i], 1e-3) << i;
  }
}

TEST_F(DistillTest, DroppedLayersStayDroppedInTheFile) {
  const std::int64_t drop[] = {1};
  const auto student = load_student(teacher_, drop);
  ASSERT_TRUE(student) << student.error().message;
  EXPECT_EQ(student->config.n_layers(), 2);
  const auto path = dir_ / "student.gguf";
  ASSERT_TRUE(write_student(*student, path));
  const auto again = load_student(path, {});
  ASSERT_TRUE(again) << again.error().message;
  const auto whole = load_student(teacher_, {});
  const auto find = [](const Student& of, const char* name) -> const Parameter& {
    for (const Parameter& parameter : of.parameters) {
      if (parameter.name == name) return parameter;
    }
    throw std::runtime_error(name);
  };
  // What was the third is the second, rounded to F16.
  const auto& expected = find(*whole, "blk.2.ffn_up.weight").values;
  const auto& got = find(*again, "blk.1.ffn_up.weight").values;
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_EQ(got[i], f16_to_f32(f32_to_f16(expected[i])));
  }
  const std::vector<std::int32_t> tokens = {72, 101, 259};
  Network network(*again, network_options());
  const auto logits = engine_logits(*load(path, Arithmetic::kExact), tokens);
  const auto ours = network.logits(tokens);
  for (std::size_t i = 0; i < ours.size(); ++i) ASSERT_NEAR(ours[i], logits[i], 1e-3);
}

TEST_F(DistillTest, StudentsThatCantBeAreErrors) {
  const std::int64_t beyond[] = {3}, all[] = {0, 1, 2};
  EXPECT_THAT(load_student(teacher_, beyond).error().message, HasSubstr("below 3, got 3"));
  EXPECT_THAT(load_student(teacher_, all).error().message, HasSubstr("got all 3"));
  for (const char* shape : {"layers=2", "layers=2,width=64,heads=3,kv-heads=1,ffn=9", "size=3",
                            "layers=x", "layers=0,width=64,heads=2,kv-heads=1,ffn=64"}) {
    const auto student = random_student(teacher_, shape, 1);
    ASSERT_FALSE(student) << shape;
    EXPECT_THAT(student.error().message, HasSubstr("--shape: expected")) << shape;
  }
  auto student = *load_student(teacher_, {});
  student.parameters[0].values[5] = 1e6f;
  EXPECT_THAT(write_student(student, dir_ / "x.gguf").error().message, HasSubstr("F16"));
  EXPECT_FALSE(std::filesystem::exists(dir_ / "x.gguf"));
}

TEST_F(DistillTest, NewStudentsRun) {
  const auto student = random_student(teacher_, "layers=2,width=32,heads=4,kv-heads=2,ffn=48", 1);
  ASSERT_TRUE(student) << student.error().message;
  const auto path = dir_ / "new.gguf";
  ASSERT_TRUE(write_student(*student, path));
  const std::vector<std::int32_t> tokens = {72, 101, 259};
  Network network(*load_student(path, {}), network_options());
  const auto logits = engine_logits(*load(path, Arithmetic::kExact), tokens);
  const auto ours = network.logits(tokens);
  ASSERT_EQ(ours.size(), logits.size());
  for (std::size_t i = 0; i < ours.size(); ++i) ASSERT_NEAR(ours[i], logits[i], 1e-3);
}

TEST_F(DistillTest, CacheHoldsTheTeachersDistribution) {
  TeacherCacheOptions options = cache_options();
  options.temperature = 2;
  const TeacherCache cache = make_cache(options);
  ASSERT_EQ(cache.n_windows(), 20);
  const TeacherWindow window = cache[17];
  const auto logits = engine_logits(*load(teacher_, Arithmetic::kExact),
                                    {window.tokens.begin(), window.tokens.end()});
  constexpr std::size_t kVocab = 262, kTop = 16;
  for (std::size_t at = 0; at < kWindow; ++at) {
    double sum = 0, best = 0;
    for (std::size_t i = 0; i < kVocab; ++i) sum += std::exp(logits[at * kVocab + i] / 2.0);
    for (std::size_t i = 0; i < kTop; ++i) {
      const auto id = static_cast<std::size_t>(window.ids[at * kTop + i]);
      const double p = std::exp(logits[at * kVocab + id] / 2.0) / sum;
      EXPECT_NEAR(f16_to_f32(window.log_probs[at * kTop + i]), std::log(p), 4e-3);
      best += p;
    }
    EXPECT_NEAR(std::exp(f16_to_f32(window.tails[at])), 1 - best, 4e-3);
  }
}

TEST_F(DistillTest, TheTeacherWritesWhatItFindsLikely) {
  TeacherCacheOptions options = cache_options();
  options.continue_after = 8;
  const TeacherCache cache = make_cache(options);
  const TeacherCache again = make_cache(options);
  for (std::int64_t i = 0; i < cache.n_windows(); ++i) {
    const TeacherWindow window = cache[i];
    for (std::size_t at = 8; at < kWindow; ++at) {
      const auto likely = window.ids.subspan((at - 1) * 16, 16);
      EXPECT_THAT(likely, ::testing::Contains(window.tokens[at]));
      EXPECT_NE(window.tokens[at], 261);  // </s>
    }
    EXPECT_TRUE(std::equal(window.tokens.begin(), window.tokens.end(), again[i].tokens.begin()));
  }
}

TEST_F(DistillTest, DamagedAndForeignCachesAreRefused) {
  make_cache(cache_options());
  const auto path = dir_ / "cache";
  EXPECT_THAT(TeacherCache::open(path, 8).error().message, HasSubstr("another one's"));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  EXPECT_THAT(TeacherCache::open(path, 7).error().message, HasSubstr("whole"));
  std::ofstream(path) << "something else that is long enough for a header to be read from it";
  EXPECT_THAT(TeacherCache::open(path, 7).error().message, HasSubstr("expected a teacher cache"));
  const auto teacher = load(teacher_, Arithmetic::kExact);
  const auto written = write_teacher_cache(path, *teacher, "short", cache_options(), {.key = 7});
  EXPECT_THAT(written.error().message, HasSubstr("at least one window"));
}

TEST_F(DistillTest, TheTeacherItselfHasNoDivergence) {
  const TeacherCache cache = make_cache(cache_options());
  Network network(*load_student(teacher_, {}), network_options());
  const TeacherWindow windows[] = {cache[0], cache[1]};
  EXPECT_LT(network.evaluate(windows).kl, 1e-4);
}

std::string contents(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  EXPECT_TRUE(file) << path;
  return {reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()};
}

TEST_F(DistillTest, TrainingBringsTheStudentCloser) {
  const TeacherCache cache = make_cache(cache_options());
  const std::int64_t drop[] = {1};
  Student student = *load_student(teacher_, drop);
  Network network(student, network_options());
  const TrainingFiles files{dir_ / "out.gguf", dir_ / "checkpoint"};
  TrainingOptions options = training_options();
  options.n_steps = 40;
  const auto progress = train(network, student, cache, files, options, {});
  ASSERT_TRUE(progress) << progress.error().message;
  EXPECT_EQ(progress->step, 40);
  EXPECT_LT(progress->best.kl, 0.7 * progress->first.kl);
  EXPECT_FALSE(std::filesystem::exists(files.checkpoint));
  // The file is the best one, not the last.
  Network written(*load_student(files.out, {}), network_options());
  const TeacherWindow held_out[] = {cache[16], cache[17], cache[18], cache[19]};
  EXPECT_NEAR(written.evaluate(held_out).kl, progress->best.kl, 1e-3);
}

TEST_F(DistillTest, GoesOnAsIfNeverStopped) {
  const TeacherCache cache = make_cache(cache_options());
  const std::int64_t drop[] = {1};
  const TrainingFiles whole{dir_ / "whole.gguf", dir_ / "whole.checkpoint"};
  Student student = *load_student(teacher_, drop);
  Network network(student, network_options());
  ASSERT_TRUE(train(network, student, cache, whole, training_options(), {}));

  const TrainingFiles parts{dir_ / "parts.gguf", dir_ / "parts.checkpoint"};
  std::atomic<bool> cancel = false;
  TrainingHooks hooks{.cancel = &cancel};
  hooks.on_step = [&](const TrainingProgress& p, const Losses&, double) { cancel = p.step == 7; };
  Student first = *load_student(teacher_, drop);
  Network before(first, network_options());
  const auto stopped = train(before, first, cache, parts, training_options(), hooks);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().kind, ErrorKind::kCancelled);

  Student second = *load_student(teacher_, drop);
  Network after(second, network_options());
  TrainingOptions other = training_options();
  other.fingerprint = 12;
  EXPECT_THAT(train(after, second, cache, parts, other, {}).error().message,
              HasSubstr("remove it to begin anew"));
  const auto resumed = train(after, second, cache, parts, training_options(), {});
  ASSERT_TRUE(resumed) << resumed.error().message;
  EXPECT_EQ(resumed->step, 12);
  EXPECT_EQ(resumed->training.size(), 12u);
  EXPECT_TRUE(contents(parts.out) == contents(whole.out));
}

TEST_F(DistillTest, StopsEarlyWithoutProgress) {
  const TeacherCache cache = make_cache(cache_options());
  Student student = *load_student(teacher_, {});  // perfect from the start
  Network network(student, network_options());
  TrainingOptions options = training_options();
  options.n_steps = 1000;
  options.learning_rate = 0.05;
  options.patience = 2;
  const auto progress = train(network, student, cache, {dir_ / "o.gguf", dir_ / "c"}, options, {});
  ASSERT_TRUE(progress) << progress.error().message;
  EXPECT_EQ(progress->step, 8);
  EXPECT_EQ(progress->best_step, 0);
  options.n_held_out = 20;
  EXPECT_FALSE(train(network, student, cache, {dir_ / "o.gguf", dir_ / "c"}, options, {}));
}

TEST(LearningRate, RisesThenFallsToATenth) {
  const TrainingOptions options{.learning_rate = 1, .warmup = 10};
  EXPECT_DOUBLE_EQ(learning_rate_at(1, 110, options), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate_at(10, 110, options), 1);
  EXPECT_NEAR(learning_rate_at(60, 110, options), 0.55, 1e-12);
  EXPECT_NEAR(learning_rate_at(110, 110, options), 0.1, 1e-12);
}

TEST(StepWindows, EveryEpochHasEachOnce) {
  const TrainingOptions options{.batch = 4};
  std::vector<std::int64_t> seen;
  for (std::int64_t step = 1; step <= 5; ++step) {
    for (const std::int64_t i : windows_of_step(step, 10, options)) seen.push_back(i);
  }
  const std::vector<std::int64_t> first(seen.begin(), seen.begin() + 10),
      second(seen.begin() + 10, seen.end());
  EXPECT_THAT(first, ::testing::UnorderedElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
  EXPECT_THAT(second, ::testing::UnorderedElementsAreArray(first));
  EXPECT_NE(first, second);
}

TEST(LossCurve, IsAPictureOfAnyCurves) {
  const CurvePoint training[] = {{1, 3.0}, {2, 2.0}}, held_out[] = {{0, 1.5}, {2, 0.5}};
  const std::string svg = loss_curve(training, held_out, "a<b & c");
  EXPECT_THAT(svg, HasSubstr("a&lt;b &amp; c"));
  EXPECT_THAT(svg, HasSubstr("KL, held out: 0.5000 at last"));
  EXPECT_THAT(loss_curve({}, {}, ""), ::testing::Not(HasSubstr("nan")));
  EXPECT_THAT(loss_curve({}, std::span(held_out, 1), ""), ::testing::Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace slip
