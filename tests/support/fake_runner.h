// A runner without a model: for tests of whoever schedules.
#pragma once

#include <functional>
#include <optional>
#include <stdexcept>
#include <vector>

#include "base/rng.h"
#include "model/runner.h"

namespace slip::test {

struct FakeRunnerOptions {
  std::int64_t n_ctx = 1024;
  std::int64_t max_rows = 512;
  std::int32_t n_pages = 64;
  std::int32_t n_vocab = 50;
  double repeating = 0;  // share of positions where 0 … 6 follow each other, over and over
};

// Each KV slot holds a hash of its token and of all before it, read from the page tables like keys
// are; a row's logits are random numbers of that hash. A wrong page, a skipped or repeated position
// or a page that somebody else wrote to changes every token that follows.
class FakeRunner final : public ModelRunner {
 public:
  explicit FakeRunner(const FakeRunnerOptions& options) : options_(options) {
    config_.d_model = 4;
    config_.n_vocab = options.n_vocab;
    config_.context_length = options.n_ctx;
    config_.layers.push_back({.n_heads = 1, .n_kv_heads = 1, .head_dim = 1, .d_ff = 1});
    kv_.emplace(KvStore::create(config_, {.n_pages = options.n_pages}).value());
    slots_.resize(static_cast<std::size_t>(options.n_pages) * kKvPageTokens);
    const auto max_rows = static_cast<std::size_t>(options.max_rows);
    logits_.reserve(max_rows * static_cast<std::size_t>(options.n_vocab));
    hidden_.reserve(max_rows * 4);
  }

  // Called in each pass, before its results are there; may be empty.
  std::function<void(const ForwardBatch&)> on_pass;
  // The next passes fail with this message, unless it is empty.
  std::string failure;

  const ModelConfig& config() const override { return config_; }
  KvStore& kv() override { return *kv_; }
  std::int64_t max_rows() const override { return options_.max_rows; }
  std::int64_t n_ctx() const override { return options_.n_ctx; }
  void set_trace(Trace*) override {}

  Result<Ticket> submit(const ForwardBatch& batch) override {
    if (batch.rows.empty() || std::ssize(batch.rows) > options_.max_rows) {
      return invalid("batch: got {} rows", batch.rows.size());
    }
    batch_ = batch;
    return Ticket{++ticket_};
  }

  Result<ForwardOutput> wait(Ticket) override {
    if (on_pass) on_pass(batch_);
    if (!failure.empty()) return invalid("{}", failure);
    if (batch_.cancel != nullptr && batch_.cancel->load()) {
      return fail(ErrorKind::kCancelled, "the forward pass was cancelled");
    }
    logits_.clear();
    hidden_.clear();
    for (std::size_t i = 0; i < batch_.rows.size(); ++i) run_row(i);
    return ForwardOutput{.logits = logits_, .hidden = hidden_};
  }

 private:
  std::uint64_t& slot(const BatchRow& row, std::int32_t position) {
    const auto pages = batch_.page_tables[static_cast<std::size_t>(row.sequence)];
    const auto page = static_cast<std::size_t>(position / kKvPageTokens);
    if (page >= pages.size() || pages[page] < 0 || pages[page] >= options_.n_pages) {
      throw std::runtime_error("a row without a KV page");
    }
    return slots_[static_cast<std::size_t>(pages[page]) * kKvPageTokens +
                  static_cast<std::size_t>(position % kKvPageTokens)];
  }

  void run_row(std::size_t i) {
    const BatchRow& row = batch_.rows[i];
    const auto pages = batch_.page_tables[static_cast<std::size_t>(row.sequence)];
    const bool continues = i > 0 && batch_.rows[i - 1].sequence == row.sequence;
    if (continues && batch_.rows[i - 1].position + 1 != row.position) {
      throw std::runtime_error("positions with a gap");
    }
    if (kv_->n_filled(pages, row.position) < row.position) {
      throw std::runtime_error("a position without its predecessors");
    }
    const std::uint64_t before = row.position == 0 ? 17 : slot(row, row.position - 1);
    const std::uint64_t hash = random_bits(before, static_cast<std::uint32_t>(row.token));
    slot(row, row.position) = hash;
    kv_->set_filled(pages, row.position, row.position + 1);
    if (row.output == RowOutput::kLogits) {
      for (std::int32_t id = 0; id < options_.n_vocab; ++id) {
        logits_.push_back(
            static_cast<float>(8 * random_uniform(hash, static_cast<std::uint64_t>(id))));
      }
      if (random_uniform(~hash, 99) < options_.repeating) {
        *(logits_.end() - options_.n_vocab + (row.token + 1) % 7) += 20;
      }
    }
    if (row.output == RowOutput::kHidden) {
      for (std::uint64_t d = 0; d < 4; ++d) {
        hidden_.push_back(static_cast<float>(random_uniform(~hash, d)));
      }
    }
  }

  FakeRunnerOptions options_;
  ModelConfig config_;
  std::optional<KvStore> kv_;
  std::vector<std::uint64_t> slots_;  // by page and position in it
  std::vector<float> logits_, hidden_;
  ForwardBatch batch_;
  std::uint64_t ticket_ = 0;
};

}  // namespace slip::test
