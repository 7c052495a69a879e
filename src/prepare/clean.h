// From a document's bytes to clean text.
#pragma once

#include <cstdint>
#include <string>

#include "prepare/documents.h"

namespace slip {

enum class IllFormed { kReplace, kDrop };  // what bytes that aren't UTF-8 do to their document

struct CleanOptions {
  IllFormed ill_formed = IllFormed::kReplace;
  std::int64_t min_chars = 1;  // a shorter text is dropped
};

// Why a document isn't in the corpus.
enum class DropReason {
  kNone,
  kMalformed,  // no JSON object with a string "text"
  kIllFormed,  // not UTF-8
  kShort,
  kDuplicate,      // an earlier document has the same text
  kNearDuplicate,  // an earlier document is nearly the same
};

struct CleanText {
  DropReason dropped = DropReason::kNone;
  bool was_repaired = false;  // it had bytes that aren't UTF-8
  std::string text;           // empty when dropped
};

// In this order: the string of a JSON line; ill-formed UTF-8 becomes U+FFFD, or drops the document;
// Unicode NFC; CR LF and CR become LF; controls (Cc) but LF and tab go, and U+FEFF; white space
// within a line becomes one space, unless it indents the line; white space at the end of a line
// goes; of several empty lines one stays; those at both ends of the text go.
CleanText clean_document(const RawDocument& document, const CleanOptions& options);

}  // namespace slip
