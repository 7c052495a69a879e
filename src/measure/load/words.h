// What made-up prompts consist of.
#pragma once

#include <array>
#include <string_view>

namespace slip {

// Common English nouns. Behind a space each is one token of the vocabularies of GPT-2, Llama 2 and
// 3, Qwen 2, Gemma 3 and SmolLM2, so that as many words are about as many tokens for any of them.
inline constexpr std::array<std::string_view, 240> kLoadWords{
    "time",      "year",     "people",       "way",        "day",          "man",
    "thing",     "woman",    "life",         "child",      "world",        "school",
    "state",     "family",   "student",      "group",      "country",      "problem",
    "hand",      "part",     "place",        "case",       "week",         "company",
    "system",    "program",  "question",     "work",       "government",   "number",
    "night",     "point",    "home",         "water",      "room",         "mother",
    "area",      "money",    "story",        "fact",       "month",        "lot",
    "right",     "study",    "book",         "eye",        "job",          "word",
    "business",  "issue",    "side",         "kind",       "head",         "house",
    "service",   "friend",   "father",       "power",      "hour",         "game",
    "line",      "end",      "member",       "law",        "car",          "city",
    "community", "name",     "president",    "team",       "minute",       "idea",
    "kid",       "body",     "information",  "back",       "parent",       "face",
    "others",    "level",    "office",       "door",       "health",       "person",
    "art",       "war",      "history",      "party",      "result",       "change",
    "morning",   "reason",   "research",     "girl",       "moment",       "air",
    "teacher",   "force",    "education",    "foot",       "boy",          "age",
    "policy",    "music",    "market",       "sense",      "nation",       "plan",
    "college",   "interest", "death",        "experience", "effect",       "use",
    "class",     "control",  "care",         "field",      "development",  "role",
    "effort",    "rate",     "heart",        "drug",       "show",         "leader",
    "light",     "voice",    "wife",         "police",     "mind",         "price",
    "report",    "decision", "son",          "view",       "relationship", "town",
    "road",      "arm",      "difference",   "value",      "building",     "action",
    "season",    "society",  "tax",          "director",   "position",     "player",
    "record",    "paper",    "space",        "ground",     "form",         "event",
    "official",  "matter",   "center",       "couple",     "site",         "project",
    "activity",  "star",     "table",        "need",       "court",        "oil",
    "situation", "cost",     "industry",     "figure",     "street",       "image",
    "phone",     "data",     "picture",      "practice",   "piece",        "land",
    "product",   "doctor",   "wall",         "patient",    "worker",       "news",
    "test",      "movie",    "north",        "love",       "support",      "technology",
    "step",      "baby",     "computer",     "type",       "attention",    "film",
    "tree",      "source",   "organization", "hair",       "look",         "century",
    "evidence",  "window",   "culture",      "chance",     "brother",      "energy",
    "period",    "course",   "summer",       "less",       "plant",        "opportunity",
    "term",      "letter",   "condition",    "choice",     "rule",         "south",
    "floor",     "campaign", "material",     "population", "economy",      "hospital",
    "church",    "risk",     "fire",         "future",     "bank",         "west",
    "sport",     "board",    "officer",      "goal",       "list",         "size"};

}  // namespace slip
