/* Tests of proxy/console_rows.c. */
#include "proxy/console.h"
#include "test.h"
#include "wire/frame.h"

static const struct console_column columns[] = {
    {"i", CONSOLE_INT4}, {"q", CONSOLE_INT8}, {"n", CONSOLE_NUMERIC}, {"s", CONSOLE_TEXT}};

static uint8_t memory[4096];
static struct wire_out out;
static struct console_rows rows;
static struct base_slice values[8];

static void begin(const struct console_formats *formats)
{
    memset(&rows, 0, sizeof(rows));
    wire_out_init(&out, memory, sizeof(memory));
    rows.out = &out;
    rows.columns = columns;
    rows.column_count = 4;
    rows.formats = formats;
}

static void parse_row(void)
{
    struct wire_frame frame;
    size_t count = 0;
    assert_int_equal(wire_frame_parse(wire_out_slice(&out), 4096, &frame), BASE_OK);
    assert_int_equal(frame.type, 'D');
    assert_int_equal(wire_data_row_parse(frame.body, values, 8, &count), BASE_OK);
    assert_int_equal(count, 4);
}

static void put(uint64_t number)
{
    console_put_number(&rows, number);
    console_put_number(&rows, number);
    console_put_number(&rows, number);
    console_put_text(&rows, "x");
}

TEST(numbers_are_text_by_default_and_stay_inside_their_type)
{
    begin(NULL);
    put(UINT64_MAX);
    assert_int_equal(rows.row_count, 1);
    parse_row();
    assert_true(base_slice_is(values[0], "2147483647"));
    assert_true(base_slice_is(values[1], "9223372036854775807"));
    assert_true(base_slice_is(values[2], "18446744073709551615"));
    assert_true(base_slice_is(values[3], "x"));
}

TEST(one_binary_format_is_for_all_columns)
{
    const struct console_formats binary = {.count = 1, .format = {1}};
    begin(&binary);
    put(12345678);
    parse_row();
    assert_true(base_slice_equal(values[0], base_slice_of("\x00\xbc\x61\x4e", 4)));
    assert_true(base_slice_equal(values[1], base_slice_of("\0\0\0\0\x00\xbc\x61\x4e", 8)));
    /* two digits to the base 10000, weight 1: 1234, 5678 */
    assert_true(base_slice_equal(
        values[2], base_slice_of("\x00\x02\x00\x01\x00\x00\x00\x00\x04\xd2\x16\x2e", 12)));
    assert_true(base_slice_is(values[3], "x"));
}

TEST(a_format_per_column_and_zero_in_binary)
{
    const struct console_formats mixed = {.count = 4, .format = {0, 1, 1, 0}};
    begin(&mixed);
    put(0);
    parse_row();
    assert_true(base_slice_is(values[0], "0"));
    assert_int_equal(values[1].bytes, 8);
    assert_true(base_slice_equal(values[2], base_slice_of("\0\0\0\0\0\0\0\0", 8)));
}

TEST(the_description_tells_types_and_formats)
{
    const struct console_formats mixed = {.count = 4, .format = {0, 1, 1, 0}};
    struct wire_frame frame;
    struct wire_column described[4];
    size_t count = 0;
    wire_out_init(&out, memory, sizeof(memory));
    console_rows_description(&out, columns, 4, &mixed);
    assert_int_equal(wire_frame_parse(wire_out_slice(&out), 4096, &frame), BASE_OK);
    assert_int_equal(frame.body.data[frame.body.bytes - 1], 0);
    assert_int_equal(wire_frame_parse(wire_out_slice(&out), 4096, &frame), BASE_OK);
    wire_out_init(&out, memory, sizeof(memory));
    console_rows_description(&out, columns, 4, NULL);
    assert_int_equal(wire_frame_parse(wire_out_slice(&out), 4096, &frame), BASE_OK);
    assert_int_equal(wire_row_description_parse(frame.body, described, 4, &count), BASE_OK);
    assert_int_equal(described[0].type_oid, WIRE_OID_INT4);
    assert_int_equal(described[2].type_oid, 1700);
    assert_true(base_slice_is(described[3].name, "s"));
}

TEST(a_null_is_not_an_empty_text)
{
    begin(NULL);
    console_put_null(&rows);
    console_put_text(&rows, NULL);
    console_put_copy(&rows, "");
    console_put_slice(&rows, base_slice_of(NULL, 0));
    parse_row();
    assert_null(values[0].data);
    assert_null(values[1].data);
    assert_non_null(values[2].data);
    assert_non_null(values[3].data);
    assert_int_equal(values[2].bytes, 0);
}

TEST(texts_beyond_the_scratch_memory_are_cut)
{
    char big[CONSOLE_SCRATCH_BYTES + 100];
    memset(big, 'x', sizeof(big));
    big[sizeof(big) - 1] = '\0';
    begin(NULL);
    wire_out_init_measure(&out);
    console_put_number(&rows, 1);
    console_put_copy(&rows, big);
    console_put_copy(&rows, big);
    console_put_text(&rows, "x");
    assert_int_equal(rows.row_count, 1);
    assert_int_equal(rows.scratch_used, 0);
}
