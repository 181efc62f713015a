/* test_options.c - the start-up parameter `options` (src/wire/options.c). */
#include "wire_test.h"

#include "wire/startup.h"

#define OPTIONS_MAX 4

static struct wire_option options[OPTIONS_MAX];
static size_t count;
static struct heap scratch;

/* Parses text in a block of its own, with memory of exactly its length. */
static int parse(const char *text)
{
    struct heap heap = heap_of(base_slice_text(text));
    heap_free(&scratch);
    scratch = heap_of(heap.slice);
    struct wire_out memory;
    wire_out_init(&memory, scratch.block, heap.slice.bytes);
    count = 99;
    int r = wire_options_parse(heap.slice, &memory, options, OPTIONS_MAX, &count);
    heap_free(&heap);
    return r;
}

TEST(options_in_each_spelling_are_understood)
{
    assert_int_equal(parse("-c search_path=a,b  --work-mem=4MB\t-cjit=off\n"), BASE_OK);
    assert_int_equal(count, 3);
    assert_text(options[0].name, "search_path");
    assert_text(options[0].value, "a,b");
    assert_text(options[1].name, "work_mem");
    assert_text(options[1].value, "4MB");
    assert_text(options[2].name, "jit");
    assert_text(options[2].value, "off");
}

TEST(options_backslash_takes_the_next_byte_as_it_is)
{
    assert_int_equal(parse("-c application_name=a\\ b\\\\c -c x=-\\-y\\"), BASE_OK);
    assert_int_equal(count, 2);
    assert_text(options[0].value, "a b\\c");
    assert_text(options[1].value, "--y");
}

TEST(options_value_may_be_empty_and_hold_equal_signs_and_dashes)
{
    assert_int_equal(parse("--a-b= -c weir.x=k-1=v"), BASE_OK);
    assert_int_equal(count, 2);
    assert_text(options[0].name, "a_b");
    assert_text(options[0].value, "");
    assert_text(options[1].name, "weir.x");
    assert_text(options[1].value, "k-1=v");
}

TEST(options_of_nothing_are_none)
{
    assert_int_equal(parse(""), BASE_OK);
    assert_int_equal(count, 0);
    assert_int_equal(parse("  \t"), BASE_OK);
    assert_int_equal(count, 0);
}

TEST(options_other_switches_are_refused)
{
    static const char *const texts[] = {"-d 5", "x=1", "-", "-B 3 -c a=b", "\\", "-e"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(parse(texts[i]), BASE_EUNSUPPORTED);
        assert_int_equal(count, 99);
    }
}

TEST(options_malformed_settings_are_refused)
{
    static const char *const texts[] = {"-c",   "-c  ", "-c name", "-c =1",
                                        "--=1", "--",   "--name",  "-cx"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(parse(texts[i]), BASE_EINVALID);
    }
}

TEST(options_beyond_the_limits_are_refused)
{
    assert_int_equal(parse("--a=1 --b=2 --c=3 --d=4"), BASE_OK);
    assert_int_equal(count, OPTIONS_MAX);
    assert_int_equal(parse("--a=1 --b=2 --c=3 --d=4 --e=5"), BASE_ECAPACITY);
    uint8_t small[5];
    struct wire_out memory;
    wire_out_init(&memory, small, sizeof(small));
    assert_int_equal(wire_options_parse(BYTES("--a=12"), &memory, options, OPTIONS_MAX, &count),
                     BASE_ECAPACITY);
    assert_int_equal(wire_options_parse(BYTES("--a=1"), &memory, options, OPTIONS_MAX, &count),
                     BASE_OK);
    heap_free(&scratch);
}
