#pragma once
// An ordered set of sections as a B+ tree: leaves of ten cache lines linked in order, so that a look-up among a million
// waits for memory once or twice and neighbours lie side by side.
//   threads: one at a time.    memory: `NodeStore`. 18 bytes an entry and some 7 % above where entries come in order, a
//   quarter as much again where they come at random; `reserve` gets it beforehand, so that changes cannot fail half
//   way.
#include <cstdint>

#include "base/base.h"
#include "filespace/block.h"
#include "filespace/node_store.h"

namespace freestone::filespace {

/// One member: ordered by `first`, then by `second`. By address they are offset and size, by size the other way round.
struct Entry {
  uint64_t first = 0;
  uint64_t second = 0;
  uint8_t tag = 0;
};

/// Tags below this are free sections of that class, and what `first_fit` looks for.
inline constexpr uint8_t kFreeClasses = 3;

class SectionTree {
  static constexpr uint32_t kFanout = 72;
  static constexpr uint32_t kLeafSize = 36;
  struct Inner;

  struct Node {
    Inner* parent;
    uint16_t count;
    bool leaf;
    /// Of a leaf; here so that they and the links fill one cache line.
    uint8_t tag[kLeafSize];
  };
  struct alignas(64) Leaf : Node {
    Leaf* previous;
    Leaf* next;
    /// `kNone` from `count` on, so that a search need not know it.
    uint64_t first[kLeafSize];
    uint64_t second[kLeafSize];
  };
  struct alignas(64) Inner : Node {
    /// No entry of child i is less than these; 0 for child 0, `kNone` from `count` on.
    uint64_t first[kFanout];
    Node* child[kFanout];
    union {
      /// Where several members may have one `first`: a tree has this or `most`.
      uint64_t second[kFanout];
      /// The largest `second` of the free sections below, class by class.
      uint64_t most[kFreeClasses][kFanout];
    };
  };
  static_assert(sizeof(Leaf) == 640);
  static constexpr uint64_t kNone = UINT64_MAX;

 public:
  /// A member, until the next insert or erase; or none.
  class Cursor {
   public:
    explicit operator bool() const noexcept { return leaf_ != nullptr; }

   private:
    friend class SectionTree;
    Leaf* leaf_ = nullptr;
    uint32_t index_ = 0;
  };

  /// @param keeps_most whether `first_fit` will be called: no two members have the same `first` then
  /// @param advise told of large pieces of memory that nodes will be in, or none
  explicit SectionTree(bool keeps_most = true, NodeStore::Advise advise = nullptr) noexcept
      : keeps_most_(keeps_most),
        leaves_(sizeof(Leaf), advise),
        inners_(sizeof(Inner) - (keeps_most ? 0 : sizeof(Inner::most) - sizeof(Inner::second)), advise) {}
  SectionTree(const SectionTree&) = delete;
  SectionTree& operator=(const SectionTree&) = delete;
  ~SectionTree() { clear(); }

  /// Memory for `inserts` more. False when there is none; nothing has changed then.
  [[nodiscard]] bool reserve(uint32_t inserts) noexcept {
    return (leaves_.spare() > inserts && inners_.spare() >= inserts + height_ + 2 && !(size_ == 0 && has_grown_)) ||
           get_memory(inserts);
  }

  /// Adds a member that is not there yet; `reserve` came before.
  void insert(const Entry& entry) noexcept;
  /// The same where it is known which member it comes right after.
  void insert_after(Cursor before, const Entry& entry) noexcept;
  /// @returns whether other members have moved, so that no cursor is valid; otherwise those to smaller members are
  bool erase(Cursor at) noexcept;
  /// Replaces a member by one that has the same place in the order; `reserve` came before when `first` changes.
  void update(Cursor at, const Entry& entry) noexcept;
  /// Takes all members out and gives all memory back.
  void clear() noexcept;

  [[nodiscard]] Entry get(Cursor at) const noexcept {
    return {at.leaf_->first[at.index_], at.leaf_->second[at.index_], at.leaf_->tag[at.index_]};
  }
  /// The last member that is not greater, or none.
  [[nodiscard]] Cursor at_most(uint64_t first, uint64_t second = UINT64_MAX) const noexcept;
  /// The first member that is not less, or none.
  [[nodiscard]] Cursor at_least(uint64_t first, uint64_t second = 0) const noexcept;
  /// Begins to fetch what `at_most` will look at: searches that are known beforehand wait for memory together.
  /// Small trees are in the processor's caches anyway.
  void prefetch(uint64_t first, uint64_t second = UINT64_MAX) const noexcept {
    if (height_ > 1) (void)leaf_of(first, second);
  }
  [[nodiscard]] bool is_large() const noexcept { return height_ > 1; }
  [[nodiscard]] Cursor front() const noexcept;
  [[nodiscard]] Cursor back() const noexcept;
  [[nodiscard]] Cursor next(Cursor at) const noexcept;
  [[nodiscard]] Cursor previous(Cursor at) const noexcept;
  /// The first member from `from` on that is free, of that class, and whose `second` is `size` or more.
  [[nodiscard]] Cursor first_fit(uint8_t free_class, uint64_t size, uint64_t from = 0) const noexcept;

  /// Calls `visit` with every member, ascending, leaf by leaf.
  template <typename Visit>
  void each(const Visit& visit) const noexcept {
    for (const Leaf* leaf = front_; leaf != nullptr; leaf = leaf->next) {
      for (uint32_t i = 0; i < leaf->count; ++i) visit(Entry{leaf->first[i], leaf->second[i], leaf->tag[i]});
    }
  }

  [[nodiscard]] uint64_t size() const noexcept { return size_; }
  /// How many nodes look-ups and changes have gone through: what a test bounds instead of time.
  [[nodiscard]] uint64_t visits() const noexcept { return visits_; }
  /// What nodes take, used or spare.
  [[nodiscard]] uint64_t memory() const noexcept;
  /// Order, links, separators and maxima agree; for tests and debug builds.
  [[nodiscard]] bool validate() const noexcept;

 private:
  [[nodiscard]] bool get_memory(uint32_t inserts) noexcept;
  [[nodiscard]] Leaf* leaf_of(uint64_t first, uint64_t second) const noexcept;
  [[nodiscard]] uint32_t not_greater(const Leaf& leaf, uint64_t first, uint64_t second) const noexcept;
  [[nodiscard]] Leaf* take_leaf() noexcept;
  [[nodiscard]] Inner* take_inner() noexcept;
  static void trim(Leaf& leaf, uint32_t count) noexcept;
  static void trim(Inner& inner, uint32_t count) noexcept;
  void forget_first(Inner& inner) const noexcept;
  [[nodiscard]] static uint32_t slot_of(const Inner& parent, const Node* child) noexcept;
  [[nodiscard]] static uint64_t most_of(const Node& node, uint8_t free_class) noexcept;
  void put_child(Inner* parent, uint32_t slot, Node* child, uint64_t first, uint64_t second) noexcept;
  void link_after(Node* node, Node* added, uint64_t first, uint64_t second) noexcept;
  void remove_child(Inner* parent, uint32_t slot) noexcept;
  void drop_leaf(Leaf* leaf) noexcept;
  bool join(Leaf* leaf) noexcept;
  void open_at(Leaf* leaf, uint32_t index, const Entry& entry) noexcept;
  bool lean_left(Leaf* leaf) noexcept;
  bool lean_right(Leaf* leaf) noexcept;
  void set_least(const Leaf& leaf, uint32_t slot) noexcept;
  void refresh(Node* node) noexcept;
  void refresh(Node* node, const Entry& before, const Entry& after) noexcept;
  [[nodiscard]] bool validate(const Node& node, uint32_t depth, uint64_t& entries) const noexcept;
  [[nodiscard]] static Cursor at(Leaf* leaf, uint32_t index) noexcept {
    Cursor cursor;
    cursor.leaf_ = leaf;
    cursor.index_ = index;
    return cursor;
  }

  const bool keeps_most_;
  Node* root_ = nullptr;
  Leaf* front_ = nullptr;
  Leaf* back_ = nullptr;
  uint64_t size_ = 0;
  uint32_t height_ = 0;
  /// Whether there is memory that an empty tree gives back.
  bool has_grown_ = false;
  mutable uint64_t visits_ = 0;
  NodeStore leaves_;
  NodeStore inners_;
};

}  // namespace freestone::filespace
