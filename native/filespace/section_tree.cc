#include "filespace/section_tree.h"

#include <algorithm>

namespace freestone::filespace {

namespace {

/// How many of `Count` numbers in ascending order are not greater than `most`: first whole groups, by their last
/// numbers, then in the group that has the answer. A binary search would wait for each comparison, or guess every other
/// one wrong; here none depends on another, and their number is always the same.
template <uint32_t Count>
uint32_t up_to(const uint64_t* numbers, uint64_t most) noexcept {
  constexpr uint32_t kGroup = Count == 36 ? 6 : 8;
  static_assert(Count % kGroup == 0);
  uint32_t found = 0;
  for (uint32_t last = kGroup - 1; last < Count - 1; last += kGroup) found += numbers[last] <= most ? kGroup : 0;
  const uint64_t* const group = numbers + found;
  for (uint32_t i = 0; i < kGroup; ++i) found += group[i] <= most ? 1 : 0;
  return found;
}

/// How many of `count` keys in ascending order are not greater than (first, second).
template <uint32_t Count>
uint32_t up_to_pair(const uint64_t* firsts, const uint64_t* seconds, uint32_t count, uint64_t first,
                    uint64_t second) noexcept {
  const uint32_t end = std::min(count, up_to<Count>(firsts, first));
  if (end == 0 || firsts[end - 1] != first || seconds[end - 1] <= second) return end;
  // Several of one size, whose addresses tell them apart.
  const uint32_t begin = first == 0 ? 0 : up_to<Count>(firsts, first - 1);
  return static_cast<uint32_t>(std::upper_bound(seconds + begin, seconds + end, second) - seconds);
}

template <typename T>
void open_gap(T* array, uint32_t at, uint32_t count) noexcept {
  std::memmove(array + at + 1, array + at, (count - at) * sizeof(T));
}

template <typename T>
void close_gap(T* array, uint32_t at, uint32_t count) noexcept {
  std::memmove(array + at, array + at + 1, (count - at - 1) * sizeof(T));
}

template <typename T>
void move_to(T* to, const T* from, uint32_t count) noexcept {
  std::memcpy(to, from, count * sizeof(T));
}

}  // namespace

bool SectionTree::get_memory(uint32_t inserts) noexcept {
  if (size_ == 0 && has_grown_) clear();
  has_grown_ = leaves_.has_grown() || inners_.has_grown();
  return leaves_.reserve(inserts + 1) && inners_.reserve(inserts + height_ + 2);
}

uint64_t SectionTree::memory() const noexcept { return leaves_.memory() + inners_.memory(); }

void SectionTree::clear() noexcept {
  root_ = nullptr;
  front_ = back_ = nullptr;
  size_ = 0;
  height_ = 0;
  leaves_.release();
  inners_.release();
}

SectionTree::Leaf* SectionTree::take_leaf() noexcept {
  auto* const leaf = new (leaves_.take()) Leaf;
  leaf->parent = nullptr;
  leaf->leaf = true;
  leaf->previous = leaf->next = nullptr;
  trim(*leaf, 0);
  return leaf;
}

SectionTree::Inner* SectionTree::take_inner() noexcept {
  auto* const inner = static_cast<Inner*>(inners_.take());
  inner->parent = nullptr;
  inner->leaf = false;
  trim(*inner, 0);
  return inner;
}

/// Drops what is behind the first `count`.
void SectionTree::trim(Leaf& leaf, uint32_t count) noexcept {
  std::fill(leaf.first + count, leaf.first + kLeafSize, kNone);
  leaf.count = static_cast<uint16_t>(count);
}

void SectionTree::trim(Inner& inner, uint32_t count) noexcept {
  std::fill(inner.first + count, inner.first + kFanout, kNone);
  inner.count = static_cast<uint16_t>(count);
}

/// Entries that are less than all that there are go to the first child: what it begins with must not be in the way.
void SectionTree::forget_first(Inner& inner) const noexcept {
  inner.first[0] = 0;
  if (!keeps_most_) inner.second[0] = 0;
}

SectionTree::Leaf* SectionTree::leaf_of(uint64_t first, uint64_t second) const noexcept {
  const Node* node = root_;
  visits_ += height_ + 1;
  for (uint32_t level = height_; level > 0; --level) {
    const auto& inner = static_cast<const Inner&>(*node);
    uint32_t below;
    if (keeps_most_) {
      below = std::min<uint32_t>(inner.count, up_to<kFanout>(inner.first, first));
    } else {
      below = up_to_pair<kFanout>(inner.first, inner.second, inner.count, first, second);
    }
    node = inner.child[below == 0 ? 0 : below - 1];
  }
  // All lines at once: the first that are looked at would otherwise be waited for before the others.
  const auto* const bytes = reinterpret_cast<const char*>(node);
  if (height_ > 1) {
    for (size_t line = 0; line < sizeof(Leaf); line += 64) __builtin_prefetch(bytes + line, 1);
  }
  return static_cast<Leaf*>(const_cast<Node*>(node));
}

uint32_t SectionTree::not_greater(const Leaf& leaf, uint64_t first, uint64_t second) const noexcept {
  if (keeps_most_) return std::min<uint32_t>(leaf.count, up_to<kLeafSize>(leaf.first, first));
  return up_to_pair<kLeafSize>(leaf.first, leaf.second, leaf.count, first, second);
}

SectionTree::Cursor SectionTree::at_most(uint64_t first, uint64_t second) const noexcept {
  if (root_ == nullptr) return {};
  Leaf* const leaf = leaf_of(first, second);
  const uint32_t count = not_greater(*leaf, first, second);
  if (count > 0) return at(leaf, count - 1);
  return leaf->previous == nullptr ? Cursor() : at(leaf->previous, leaf->previous->count - 1U);
}

SectionTree::Cursor SectionTree::at_least(uint64_t first, uint64_t second) const noexcept {
  if (second == 0) {
    if (first == 0) return front();
    const Cursor before = at_most(first - 1);
    return before ? next(before) : front();
  }
  const Cursor before = at_most(first, second - 1);
  return before ? next(before) : front();
}

SectionTree::Cursor SectionTree::front() const noexcept { return front_ == nullptr ? Cursor() : at(front_, 0); }

SectionTree::Cursor SectionTree::back() const noexcept {
  return back_ == nullptr ? Cursor() : at(back_, back_->count - 1U);
}

SectionTree::Cursor SectionTree::next(Cursor cursor) const noexcept {
  ++visits_;
  if (cursor.index_ + 1 < cursor.leaf_->count) return at(cursor.leaf_, cursor.index_ + 1);
  return cursor.leaf_->next == nullptr ? Cursor() : at(cursor.leaf_->next, 0);
}

SectionTree::Cursor SectionTree::previous(Cursor cursor) const noexcept {
  ++visits_;
  if (cursor.index_ > 0) return at(cursor.leaf_, cursor.index_ - 1);
  Leaf* const leaf = cursor.leaf_->previous;
  return leaf == nullptr ? Cursor() : at(leaf, leaf->count - 1U);
}

SectionTree::Cursor SectionTree::first_fit(uint8_t free_class, uint64_t size, uint64_t from) const noexcept {
  if (root_ == nullptr) return {};
  const auto fits = [&](const Leaf& leaf, uint32_t i) noexcept {
    return leaf.first[i] >= from && leaf.tag[i] == free_class && leaf.second[i] >= size;
  };
  Leaf* const begin = from == 0 ? front_ : leaf_of(from, 0);
  for (uint32_t i = 0; i < begin->count; ++i) {
    if (fits(*begin, i)) return at(begin, i);
  }
  // Up until a later subtree has one, then down to it.
  const Node* node = begin;
  for (;;) {
    const Inner* parent = node->parent;
    ++visits_;
    if (parent == nullptr) return {};
    uint32_t slot = slot_of(*parent, node) + 1;
    while (slot < parent->count && parent->most[free_class][slot] < size) ++slot;
    if (slot < parent->count) {
      node = parent->child[slot];
      break;
    }
    node = parent;
  }
  while (!node->leaf) {
    const auto& inner = static_cast<const Inner&>(*node);
    uint32_t slot = 0;
    while (slot + 1 < inner.count && inner.most[free_class][slot] < size) ++slot;
    node = inner.child[slot];
    ++visits_;
  }
  auto* const leaf = static_cast<Leaf*>(const_cast<Node*>(node));
  for (uint32_t i = 0; i < leaf->count; ++i) {
    if (fits(*leaf, i)) return at(leaf, i);
  }
  return {};
}

uint32_t SectionTree::slot_of(const Inner& parent, const Node* child) noexcept {
  uint64_t least = child->leaf ? static_cast<const Leaf*>(child)->first[0] : 0;
  if (!child->leaf) least = static_cast<const Inner*>(child)->first[1];
  // Where `first` is unique, this is it; else it is one of those before.
  const uint32_t found = std::min<uint32_t>(parent.count, up_to<kFanout>(parent.first, least));
  uint32_t slot = found == 0 ? 0 : found - 1;
  if (parent.child[slot] == child) return slot;
  slot = 0;
  while (parent.child[slot] != child) ++slot;
  return slot;
}

uint64_t SectionTree::most_of(const Node& node, uint8_t free_class) noexcept {
  uint64_t most = 0;
  if (node.leaf) {
    const auto& leaf = static_cast<const Leaf&>(node);
    for (uint32_t i = 0; i < leaf.count; ++i) most = std::max(most, leaf.tag[i] == free_class ? leaf.second[i] : 0);
    return most;
  }
  const auto& inner = static_cast<const Inner&>(node);
  for (uint32_t i = 0; i < inner.count; ++i) most = std::max(most, inner.most[free_class][i]);
  return most;
}

void SectionTree::refresh(Node* node) noexcept {
  if (!keeps_most_) return;
  for (; node->parent != nullptr; node = node->parent) {
    const uint32_t slot = slot_of(*node->parent, node);
    ++visits_;
    bool changed = false;
    for (uint8_t free_class = 0; free_class < kFreeClasses; ++free_class) {
      uint64_t& known = node->parent->most[free_class][slot];
      const uint64_t most = most_of(*node, free_class);
      changed = changed || known != most;
      known = most;
    }
    if (!changed) return;
  }
}

void SectionTree::refresh(Node* node, const Entry& before, const Entry& after) noexcept {
  if (!keeps_most_ || node->parent == nullptr) return;
  if (after.tag < kFreeClasses) {
    // What is larger than all others is so for every node above, up to one that has a larger one.
    for (Node* at = node; at->parent != nullptr; at = at->parent) {
      uint64_t& most = at->parent->most[after.tag][slot_of(*at->parent, at)];
      if (after.second <= most) break;
      ++visits_;
      most = after.second;
    }
    if (before.tag == after.tag && before.second <= after.second) return;
  }
  // What was not the largest changes nothing above.
  if (before.tag >= kFreeClasses) return;
  for (Node* at = node; at->parent != nullptr; at = at->parent) {
    uint64_t& most = at->parent->most[before.tag][slot_of(*at->parent, at)];
    if (before.second < most) return;
    ++visits_;
    const uint64_t now = most_of(*at, before.tag);
    if (now == most) return;
    most = now;
  }
}

void SectionTree::put_child(Inner* parent, uint32_t slot, Node* child, uint64_t first, uint64_t second) noexcept {
  const uint32_t count = parent->count;
  open_gap(parent->child, slot, count);
  open_gap(parent->first, slot, count);
  parent->child[slot] = child;
  parent->first[slot] = first;
  if (keeps_most_) {
    for (uint8_t free_class = 0; free_class < kFreeClasses; ++free_class) {
      open_gap(parent->most[free_class], slot, count);
      parent->most[free_class][slot] = most_of(*child, free_class);
    }
  } else {
    open_gap(parent->second, slot, count);
    parent->second[slot] = second;
  }
  child->parent = parent;
  ++parent->count;
}

void SectionTree::link_after(Node* node, Node* added, uint64_t first, uint64_t second) noexcept {
  Inner* parent = node->parent;
  if (parent == nullptr) {
    parent = take_inner();
    put_child(parent, 0, node, 0, 0);
    put_child(parent, 1, added, first, second);
    root_ = parent;
    ++height_;
    return;
  }
  uint32_t slot = slot_of(*parent, node) + 1;
  if (parent->count == kFanout) {
    Inner* const right = take_inner();
    // Where entries come in ascending order, what is full stays full.
    const uint32_t keep = slot == kFanout ? kFanout - 1 : kFanout / 2;
    const uint32_t moved = kFanout - keep;
    move_to(right->child, parent->child + keep, moved);
    move_to(right->first, parent->first + keep, moved);
    if (keeps_most_) {
      for (uint8_t free_class = 0; free_class < kFreeClasses; ++free_class) {
        move_to(right->most[free_class], parent->most[free_class] + keep, moved);
      }
    } else {
      move_to(right->second, parent->second + keep, moved);
    }
    for (uint32_t i = 0; i < moved; ++i) right->child[i]->parent = right;
    trim(*parent, keep);
    right->count = static_cast<uint16_t>(moved);
    const uint64_t first_right = right->first[0];
    const uint64_t second_right = keeps_most_ ? 0 : right->second[0];
    forget_first(*right);
    link_after(parent, right, first_right, second_right);
    refresh(parent);
    if (slot > keep) {
      parent = right;
      slot -= keep;
    }
  }
  put_child(parent, slot, added, first, second);
  refresh(added);
  refresh(parent);
}

void SectionTree::insert(const Entry& entry) noexcept {
  ++size_;
  if (root_ == nullptr) {
    root_ = front_ = back_ = take_leaf();
  }
  Leaf* leaf = leaf_of(entry.first, entry.second);
  uint32_t index = not_greater(*leaf, entry.first, entry.second);
  if (leaf->count == kLeafSize && !(leaf == back_ && index == kLeafSize) && (lean_left(leaf) || lean_right(leaf))) {
    leaf = leaf_of(entry.first, entry.second);
    index = not_greater(*leaf, entry.first, entry.second);
  }
  if (leaf->count == kLeafSize) {
    Leaf* const right = take_leaf();
    right->previous = leaf;
    right->next = leaf->next;
    (leaf->next == nullptr ? back_ : leaf->next->previous) = right;
    leaf->next = right;
    const uint32_t keep = index == kLeafSize && right->next == nullptr ? kLeafSize : kLeafSize / 2;
    const uint32_t moved = kLeafSize - keep;
    move_to(right->first, leaf->first + keep, moved);
    move_to(right->second, leaf->second + keep, moved);
    move_to(right->tag, leaf->tag + keep, moved);
    trim(*leaf, keep);
    right->count = static_cast<uint16_t>(moved);
    const bool to_right = index > keep || keep == kLeafSize;
    const Entry least = moved == 0 ? entry : get(at(right, 0));
    link_after(leaf, right, least.first, least.second);
    refresh(leaf);
    if (to_right) {
      leaf = right;
      index -= keep;
    }
  }
  open_at(leaf, index, entry);
}

void SectionTree::open_at(Leaf* leaf, uint32_t index, const Entry& entry) noexcept {
  open_gap(leaf->first, index, leaf->count);
  open_gap(leaf->second, index, leaf->count);
  open_gap(leaf->tag, index, leaf->count);
  leaf->first[index] = entry.first;
  leaf->second[index] = entry.second;
  leaf->tag[index] = entry.tag;
  ++leaf->count;
  refresh(leaf, {.tag = kFreeClasses}, entry);
}

void SectionTree::insert_after(Cursor before, const Entry& entry) noexcept {
  Leaf* const leaf = before.leaf_;
  // As its leaf's last one it might have to be in the next leaf, for those who come from above.
  if (leaf->count == kLeafSize || (before.index_ + 1 == leaf->count && leaf->next != nullptr)) {
    insert(entry);
    return;
  }
  ++size_;
  open_at(leaf, before.index_ + 1, entry);
}

/// A child begins with another entry than before.
void SectionTree::set_least(const Leaf& leaf, uint32_t slot) noexcept {
  leaf.parent->first[slot] = leaf.first[0];
  if (!keeps_most_) leaf.parent->second[slot] = leaf.second[0];
}

/// Moves entries of a full leaf to the one before it, if that has room: leaves that are split less often are fuller.
bool SectionTree::lean_left(Leaf* leaf) noexcept {
  Leaf* const left = leaf->previous;
  if (left == nullptr || left->parent != leaf->parent || left->count > kLeafSize - 4) return false;
  const uint32_t moved = (kLeafSize - left->count) / 2;
  const uint32_t kept = leaf->count - moved;
  const uint32_t slot = slot_of(*leaf->parent, leaf);
  const auto move = [&](auto* to, auto* from) noexcept {
    move_to(to + left->count, from, moved);
    std::memmove(from, from + moved, kept * sizeof(*from));
  };
  move(left->first, leaf->first);
  move(left->second, leaf->second);
  move(left->tag, leaf->tag);
  left->count = static_cast<uint16_t>(left->count + moved);
  trim(*leaf, kept);
  set_least(*leaf, slot);
  refresh(left);
  refresh(leaf);
  return true;
}

/// The same to the one behind it.
bool SectionTree::lean_right(Leaf* leaf) noexcept {
  Leaf* const right = leaf->next;
  if (right == nullptr || right->parent != leaf->parent || right->count > kLeafSize - 4) return false;
  const uint32_t moved = (kLeafSize - right->count) / 2;
  const uint32_t kept = leaf->count - moved;
  const uint32_t slot = slot_of(*right->parent, right);
  const auto move = [&](auto* to, auto* from) noexcept {
    std::memmove(to + moved, to, right->count * sizeof(*to));
    move_to(to, from + kept, moved);
  };
  move(right->first, leaf->first);
  move(right->second, leaf->second);
  move(right->tag, leaf->tag);
  right->count = static_cast<uint16_t>(right->count + moved);
  trim(*leaf, kept);
  set_least(*right, slot);
  refresh(leaf);
  refresh(right);
  return true;
}

void SectionTree::update(Cursor cursor, const Entry& entry) noexcept {
  const Entry before = get(cursor);
  if (entry.first != before.first && cursor.index_ + 1 == cursor.leaf_->count && cursor.leaf_->next != nullptr) {
    // The next leaf may begin, for those who come from above, before the entry's new place.
    (void)erase(cursor);
    insert(entry);
    return;
  }
  cursor.leaf_->first[cursor.index_] = entry.first;
  cursor.leaf_->second[cursor.index_] = entry.second;
  cursor.leaf_->tag[cursor.index_] = entry.tag;
  refresh(cursor.leaf_, before, entry);
}

bool SectionTree::erase(Cursor cursor) noexcept {
  Leaf* const leaf = cursor.leaf_;
  const Entry before = get(cursor);
  --size_;
  close_gap(leaf->first, cursor.index_, leaf->count);
  close_gap(leaf->second, cursor.index_, leaf->count);
  close_gap(leaf->tag, cursor.index_, leaf->count);
  --leaf->count;
  leaf->first[leaf->count] = kNone;
  if (leaf->count == 0) {
    drop_leaf(leaf);
    return false;
  }
  refresh(leaf, before, {.tag = kFreeClasses});
  return leaf->count < kLeafSize / 3 && join(leaf);
}

/// Takes a leaf that became small together with a neighbour of the same parent, where both fit with room to spare.
bool SectionTree::join(Leaf* leaf) noexcept {
  const auto fits = [](const Leaf* left, const Leaf* right) noexcept {
    return left != nullptr && right != nullptr && left->parent == right->parent && left->parent != nullptr &&
           left->count + right->count <= kLeafSize * 3 / 4;
  };
  Leaf* left = leaf;
  if (!fits(left, left->next)) left = leaf->previous;
  if (left == nullptr || !fits(left, left->next)) return false;
  Leaf* const right = left->next;
  move_to(left->first + left->count, right->first, right->count);
  move_to(left->second + left->count, right->second, right->count);
  move_to(left->tag + left->count, right->tag, right->count);
  left->count = static_cast<uint16_t>(left->count + right->count);
  right->count = 0;
  drop_leaf(right);
  refresh(left);
  return true;
}

void SectionTree::drop_leaf(Leaf* leaf) noexcept {
  (leaf->previous == nullptr ? front_ : leaf->previous->next) = leaf->next;
  (leaf->next == nullptr ? back_ : leaf->next->previous) = leaf->previous;
  size_ -= leaf->count;
  if (leaf->parent == nullptr) {
    root_ = nullptr;
  } else {
    remove_child(leaf->parent, slot_of(*leaf->parent, leaf));
  }
  leaves_.give(leaf);
}

void SectionTree::remove_child(Inner* parent, uint32_t slot) noexcept {
  const uint32_t count = parent->count;
  close_gap(parent->child, slot, count);
  close_gap(parent->first, slot, count);
  if (keeps_most_) {
    for (auto& most : parent->most) close_gap(most, slot, count);
  } else {
    close_gap(parent->second, slot, count);
  }
  --parent->count;
  parent->first[parent->count] = kNone;
  if (slot == 0) forget_first(*parent);
  if (parent->count == 0) {
    if (parent->parent == nullptr) {
      root_ = nullptr;
      height_ = 0;
    } else {
      remove_child(parent->parent, slot_of(*parent->parent, parent));
    }
    inners_.give(parent);
    return;
  }
  refresh(parent);
  while (!root_->leaf && root_->count == 1) {
    auto* const old = static_cast<Inner*>(root_);
    root_ = old->child[0];
    root_->parent = nullptr;
    --height_;
    inners_.give(old);
  }
}

bool SectionTree::validate() const noexcept {
  uint64_t entries = 0;
  if (root_ != nullptr && (root_->parent != nullptr || !validate(*root_, height_, entries))) return false;
  if (entries != size_) return false;
  const Leaf* before = nullptr;
  uint64_t seen = 0;
  for (const Leaf* leaf = front_; leaf != nullptr; before = leaf, leaf = leaf->next) {
    if (leaf->previous != before) return false;
    seen += leaf->count;
  }
  if (before != back_ || seen != size_) return false;
  if (front_ == nullptr) return true;
  Entry last = get(front());
  for (Cursor cursor = next(front()); cursor; cursor = next(cursor)) {
    const Entry entry = get(cursor);
    if (entry.first < last.first || (entry.first == last.first && entry.second <= last.second)) return false;
    last = entry;
  }
  return true;
}

bool SectionTree::validate(const Node& node, uint32_t depth, uint64_t& entries) const noexcept {
  if (node.leaf != (depth == 0) || node.count == 0) return false;
  if (node.leaf) {
    entries += node.count;
    return node.count <= kLeafSize;
  }
  const auto& inner = static_cast<const Inner&>(node);
  if (node.count > kFanout) return false;
  for (uint32_t slot = 0; slot < inner.count; ++slot) {
    const Node& child = *inner.child[slot];
    if (child.parent != &inner || !validate(child, depth - 1, entries)) return false;
    for (uint8_t free_class = 0; free_class < kFreeClasses; ++free_class) {
      if (keeps_most_ && inner.most[free_class][slot] != most_of(child, free_class)) return false;
    }
  }
  return true;
}

}  // namespace freestone::filespace
