// Taking a model away while it is used.
#include "serve/model_repository.h"

#include <gtest/gtest.h>

#include <thread>

#include "support/fake_runner.h"
#include "text/tiny_vocabularies.h"

namespace slip {
namespace {

struct Owned {
  std::atomic<int>& n_freed;
  test::FakeRunner runner{{}};
  EngineThread engine{runner, {}};
  explicit Owned(std::atomic<int>& freed) : n_freed(freed) {}
  ~Owned() { ++n_freed; }
};

class ModelRepositoryTest : public testing::Test {
 protected:
  ModelRepositoryTest() {
    repository_.set_source({.names = {"tiny"}, .load = [this]() -> Result<ModelRepository::Loaded> {
                              if (!error_.empty()) return invalid("{}", error_);
                              auto owned = std::make_shared<Owned>(n_freed_);
                              auto model = std::make_shared<ServedModel>();
                              model->engine = &owned->engine;
                              return ModelRepository::Loaded{.model = model, .owner = owned};
                            }});
  }

  Result<> load() {
    std::promise<Result<>> done;
    EXPECT_TRUE(repository_.load([&](const Result<>& result) { done.set_value(result); }));
    return done.get_future().get();
  }
  void wait_for(ModelState state) const {
    while (repository_.state() != state) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  std::atomic<int> n_freed_{0};
  std::string error_;
  ModelRepository repository_;
};

TEST_F(ModelRepositoryTest, FreesWhenTheLastUserIsGone) {
  EXPECT_EQ(repository_.state(), ModelState::kLoading);
  ASSERT_TRUE(load());
  ASSERT_TRUE(load());  // nothing to do
  auto user = repository_.model();
  ASSERT_NE(user, nullptr);
  ASSERT_TRUE(repository_.unload());
  EXPECT_EQ(repository_.model(), nullptr);
  EXPECT_EQ(repository_.state(), ModelState::kUnloading);
  EXPECT_EQ(n_freed_, 0);
  EXPECT_EQ(user->engine->stats().n_running, 0);  // still there
  user.reset();
  wait_for(ModelState::kUnloaded);
  EXPECT_EQ(n_freed_, 1);
  EXPECT_EQ(repository_.reason(), "unloaded");
  ASSERT_TRUE(repository_.unload());  // nothing to do
  ASSERT_TRUE(load());
  EXPECT_NE(repository_.model(), nullptr);
}

TEST_F(ModelRepositoryTest, LoadWaitsForTheOneBeforeToBeFreed) {
  ASSERT_TRUE(load());
  auto user = repository_.model();
  ASSERT_TRUE(repository_.unload());
  std::promise<int> n_freed_before;
  ASSERT_TRUE(repository_.load([&](const Result<>&) { n_freed_before.set_value(n_freed_); }));
  user.reset();
  EXPECT_EQ(n_freed_before.get_future().get(), 1);
  EXPECT_EQ(repository_.state(), ModelState::kReady);
}

TEST_F(ModelRepositoryTest, TellsWhyItCouldNotLoad) {
  error_ = "no such file";
  EXPECT_FALSE(load());
  EXPECT_EQ(repository_.state(), ModelState::kUnloaded);
  EXPECT_EQ(repository_.reason(), "no such file");
  error_.clear();
  EXPECT_TRUE(load());
}

// Its end: what the engine does is cancelled, also while an unload waits for it.
class LastUser final : public OutputSink {
 public:
  explicit LastUser(std::shared_ptr<const ServedModel> model) : model_(std::move(model)) {}
  Answer on_token(const TokenEvent&) override { return Answer::kGoOn; }
  void on_end(const RequestEnd&) override {}

 private:
  std::shared_ptr<const ServedModel> model_;
};

TEST_F(ModelRepositoryTest, StopsWithARequestUnderWay) {
  for (const bool unloads : {false, true}) {
    SCOPED_TRACE(unloads);
    ASSERT_TRUE(load());
    {
      const auto model = repository_.model();
      Request request{.prompt = {1}};
      request.sink = std::make_shared<LastUser>(model);
      ASSERT_TRUE(model->engine->submit(std::move(request)));
    }
    if (unloads) {
      ASSERT_TRUE(repository_.unload());
      repository_.stop();
    } else {
      ASSERT_TRUE(repository_.unload());  // the answer ends with the context, and with it the model
      wait_for(ModelState::kUnloaded);
    }
  }
  EXPECT_EQ(n_freed_, 2);
}

}  // namespace
}  // namespace slip
