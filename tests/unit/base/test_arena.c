/* test_arena.c - src/base/arena.c */
#include "base/arena.h"
#include "test.h"

TEST(arena_pieces_are_zeroed_aligned_and_apart)
{
    struct base_arena arena = {0};
    unsigned char *last = NULL;

    for (size_t bytes = 0; bytes < 3000; bytes += 7) {
        unsigned char *piece = base_arena_take(&arena, bytes);

        assert_non_null(piece);
        assert_int_equal((uintptr_t)piece % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < bytes; i++)
            assert_int_equal(piece[i], 0);
        memset(piece, 0xAA, bytes);
        if (bytes == 0)
            continue;
        assert_ptr_not_equal(piece, last);
        last = piece;
    }
    base_arena_done(&arena);
    assert_null(arena.chunks);
}

TEST(arena_gives_pieces_larger_than_a_chunk)
{
    struct base_arena arena = {0};
    unsigned char *large = base_arena_take(&arena, 1 << 20);

    assert_non_null(large);
    memset(large, 1, 1 << 20);
    assert_non_null(base_arena_take(&arena, 10));
    base_arena_done(&arena);
}

TEST(arena_refuses_sizes_that_overflow)
{
    struct base_arena arena = {0};

    assert_null(base_arena_take(&arena, SIZE_MAX));
    assert_null(base_arena_take(&arena, SIZE_MAX - 20));
    assert_null(base_arena_text(&arena, base_slice_of(NULL, SIZE_MAX)));
    base_arena_done(&arena);
}

TEST(arena_text_ends_with_a_zero_byte)
{
    struct base_arena arena = {0};

    assert_string_equal(base_arena_text(&arena, base_slice_of("abcdef", 3)), "abc");
    assert_string_equal(base_arena_text(&arena, base_slice_of(NULL, 0)), "");
    base_arena_done(&arena);
    base_arena_done(&arena);
}
