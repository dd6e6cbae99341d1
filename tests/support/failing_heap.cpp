// failing_heap.cpp — the operators new and delete of programs whose allocations fail.
#include "tests/support/failing_heap.h"

#include <malloc.h>

#include <cstdlib>
#include <new>

namespace m2w::test {

Heap heap;

namespace {

void* allocate(size_t n) {
    const uint64_t number = heap.n_allocations++, failing = heap.first_failing;
    if (number == failing || (heap.fail_all_after && number > failing)) throw std::bad_alloc();
    void* p = std::malloc(n ? n : 1);
    if (!p) throw std::bad_alloc();
    const uint64_t live = heap.live_bytes += malloc_usable_size(p);
    for (uint64_t peak = heap.peak_bytes;
         peak < live && !heap.peak_bytes.compare_exchange_weak(peak, live);) {
    }
    return p;
}

void* allocate_or_null(size_t n) noexcept {
    try {
        return allocate(n);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

void release(void* p) {
    if (p) heap.live_bytes -= malloc_usable_size(p);
    std::free(p);
}

}  // namespace
}  // namespace m2w::test

void* operator new(size_t n) {
    return m2w::test::allocate(n);
}
void* operator new[](size_t n) {
    return m2w::test::allocate(n);
}
void* operator new(size_t n, const std::nothrow_t&) noexcept {
    return m2w::test::allocate_or_null(n);
}
void* operator new[](size_t n, const std::nothrow_t&) noexcept {
    return m2w::test::allocate_or_null(n);
}
void operator delete(void* p) noexcept {
    m2w::test::release(p);
}
void operator delete[](void* p) noexcept {
    m2w::test::release(p);
}
void operator delete(void* p, size_t) noexcept {
    m2w::test::release(p);
}
void operator delete[](void* p, size_t) noexcept {
    m2w::test::release(p);
}
void operator delete(void* p, const std::nothrow_t&) noexcept {
    m2w::test::release(p);
}
void operator delete[](void* p, const std::nothrow_t&) noexcept {
    m2w::test::release(p);
}
