/* CSV, numbers, dates, price files and activity files: what is read, and what is refused by line.
 */
#include "test.h"

#include "import/activities.h"
#include "import/number.h"
#include "import/prices.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- CSV ------------------------------------------------------------------------------------- */

static char text_of_csv[4096];

static struct csv begin(const char *text)
{
    struct csv csv;
    snprintf(text_of_csv, sizeof(text_of_csv), "%s", text);
    csv_begin(&csv, text_of_csv, strlen(text_of_csv));
    return csv;
}

/* Reads all rows as "line:field|field;line:..." */
static const char *rows_of(const char *text)
{
    static char out[4096];
    struct csv csv = begin(text);
    struct csv_row row;
    size_t length = 0;
    out[0] = '\0';
    while (csv_next(&csv, &row)) {
        length += (size_t)snprintf(out + length, sizeof(out) - length, "%u:", row.line);
        for (size_t i = 0; i < row.count; i++)
            length += (size_t)snprintf(out + length, sizeof(out) - length, "%s%s", i ? "|" : "",
                                       row.fields[i]);
        length += (size_t)snprintf(out + length, sizeof(out) - length, ";");
    }
    if (csv.refusal)
        snprintf(out + length, sizeof(out) - length, "%u! %s", csv.line, csv.refusal);
    return out;
}

TEST(rows_end_with_lf_crlf_cr_and_the_text)
{
    assert_string_equal(rows_of("a,b\nc,d\r\ne,f\rg,h"), "1:a|b;2:c|d;3:e|f;4:g|h;");
    assert_string_equal(rows_of("a,b\n\n \nc,\n"), "1:a|b;4:c|;");
    assert_string_equal(rows_of("\xEF\xBB\xBF"
                                "a;b"),
                        "1:a|b;");
    assert_string_equal(rows_of(""), "");
}

TEST(the_delimiter_is_the_one_the_first_line_has_most_of)
{
    assert_string_equal(rows_of("a;b;c\n1,5;2;3\n"), "1:a|b|c;2:1,5|2|3;");
    assert_string_equal(rows_of("a\tb\n1,5\t\n"), "1:a|b;2:1,5|;");
    assert_string_equal(rows_of("a|\"x,y,z\"\n"), "1:a|x,y,z;");
}

TEST(quoted_fields_hold_delimiters_line_ends_and_quotes)
{
    assert_string_equal(rows_of("\"a,\"\"b\"\"\", c \n\"x\ny\",z\nw"), "1:a,\"b\"|c;2:x\ny|z;4:w;");
    assert_string_equal(rows_of("\"\",\"\"\n"), "1:|;");
    assert_string_equal(rows_of("a\"b,c\n"), "1:a\"b|c;");
}

TEST(broken_csv_is_refused_with_its_line)
{
    assert_string_equal(rows_of("a,b\n\"c,d\ne,f\n"), "1:a|b;2! a quote is never closed");
    assert_string_equal(rows_of("a\n\"b\"c\n"), "1:a;2! text follows a closing quote");
    assert_string_equal(rows_of("\xFF\xFE"
                                "a"),
                        "1! the file is UTF-16: save it as UTF-8 text");
    char fields[200] = "x";
    for (int i = 0; i < 64; i++)
        strcat(fields, ",x");
    assert_string_equal(rows_of(fields), "1! a row has more than 64 fields");
    assert_null(strchr(rows_of(fields + 2), '!'));
}

TEST(headers_are_compared_without_what_does_not_count)
{
    assert_true(import_header_is("Adj Close**", "close|adjclose"));
    assert_true(import_header_is("<TICKER>", "symbol|ticker"));
    assert_true(import_header_is("Unit_Price", "unitprice"));
    assert_true(import_header_is("Najwy\xC5\xBCszy", "najwyzszy"));
    assert_false(import_header_is("Close", "closed|clos"));
    assert_false(import_header_is("", "a|b"));
}

/* ---- numbers --------------------------------------------------------------------------------- */

static bool number_equals(const char *text, char mark, int decimals, int64_t wanted)
{
    int64_t got = 0;
    return number_parse(text, mark, decimals, &got) && got == wanted;
}

TEST(numbers_are_read_with_either_mark_and_groups)
{
    assert_true(number_equals("1234.5", '.', 2, 123450));
    assert_true(number_equals("1,234.50", '.', 2, 123450));
    assert_true(number_equals("1.234,50", ',', 2, 123450));
    assert_true(number_equals("1 234,5", ',', 2, 123450));
    assert_true(number_equals("1'234'567", '.', 0, 1234567));
    assert_true(number_equals("1\xC2\xA0"
                              "234,5",
                              ',', 2, 123450));
    assert_true(number_equals("-0.5", '.', 2, -50));
    assert_true(number_equals("+.5", '.', 1, 5));
    assert_true(number_equals("64.96286", '.', 6, 64962860));
}

TEST(numbers_are_rounded_half_away_from_zero)
{
    assert_true(number_equals("1.005", '.', 2, 101));
    assert_true(number_equals("1.0049999", '.', 2, 100));
    assert_true(number_equals("-1.005", '.', 2, -101));
    assert_true(number_equals("2.5", '.', 0, 3));
}

TEST(what_is_no_number_is_refused)
{
    static const char *const wrong[] = {"",      "-",     "abc", "1.2.3", "1,23,456.0", "1e5",
                                        "1 2 3", "12,34", "--1", "1.5x",  "$5",         ",5"};
    int64_t got;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        if (number_parse(wrong[i], '.', 2, &got))
            fail_msg("\"%s\" was read as %lld", wrong[i], (long long)got);
    assert_true(number_parse("92233720368547758.07", '.', 2, &got));
    assert_int_equal(got, INT64_MAX);
    assert_false(number_parse("92233720368547758.08", '.', 2, &got));
    assert_false(number_parse("99999999999999999999", '.', 0, &got));
}

static char mark_of(const char *numbers, char delimiter)
{
    struct number_evidence evidence = {0};
    char copy[256], *rest = copy, *one;
    snprintf(copy, sizeof(copy), "%s", numbers);
    while ((one = strsep(&rest, "|")))
        number_look(&evidence, one);
    return number_mark(&evidence, delimiter);
}

TEST(a_files_numbers_tell_their_decimal_mark)
{
    assert_int_equal(mark_of("1,5|2", ';'), ',');
    assert_int_equal(mark_of("1.5|2", ';'), '.');
    assert_int_equal(mark_of("1,234|0,123", ','), ',');
    assert_int_equal(mark_of("1.234.567", ','), ',');
    assert_int_equal(mark_of("1,234.567", ';'), '.');
    assert_int_equal(mark_of("1,234", ','), '.');
    assert_int_equal(mark_of("1,234", ';'), ',');
    assert_int_equal(mark_of("12", ';'), ',');
}

/* ---- dates ----------------------------------------------------------------------------------- */

static void reads_date(const char *text, enum date_order order, int year, int month, int of_month)
{
    day when = DAY_NONE;
    if (date_parse(text, order, &when) != DATE_OK || when != day_of(year, month, of_month))
        fail_msg("\"%s\" was not read", text);
}

TEST(dates_are_read_in_every_usual_form)
{
    reads_date("2018-05-11", DATE_UNKNOWN, 2018, 5, 11);
    reads_date("2018-05-11T20:15:00.000Z", DATE_UNKNOWN, 2018, 5, 11);
    reads_date("2018-05-11 20:15", DATE_UNKNOWN, 2018, 5, 11);
    reads_date("01-09-2021", DATE_UNKNOWN, 2021, 9, 1);
    reads_date("17/11/2021", DATE_UNKNOWN, 2021, 11, 17);
    reads_date("11/17/2021", DATE_UNKNOWN, 2021, 11, 17);
    reads_date("01.01.2022", DATE_UNKNOWN, 2022, 1, 1);
    reads_date("20500606", DATE_UNKNOWN, 2050, 6, 6);
    reads_date("2018/5/1", DATE_UNKNOWN, 2018, 5, 1);
    reads_date("05/11/2018", DATE_MONTH_FIRST, 2018, 5, 11);
    reads_date("05/11/2018", DATE_DAY_FIRST, 2018, 11, 5);
    reads_date("05/05/2018", DATE_UNKNOWN, 2018, 5, 5);
}

TEST(what_is_no_date_or_two_dates_is_refused)
{
    static const char *const wrong[] = {
        "",       "2018",        "2018-13-01",   "2018-02-29", "1899-12-31", "2200-01-01",
        "1-2-18", "2018-05-11x", "11-05-2018-1", "2018.05-11", "32/01/2018", "20181301"};
    day when;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        if (date_parse(wrong[i], DATE_UNKNOWN, &when) != DATE_NONE)
            fail_msg("\"%s\" was read", wrong[i]);
    assert_int_equal(date_parse("01/02/2018", DATE_UNKNOWN, &when), DATE_AMBIGUOUS);
    assert_int_equal(date_look(date_look(DATE_UNKNOWN, "17/11/2021"), "11/17/2021"), DATE_MIXED);
    assert_int_equal(date_look(date_look(DATE_UNKNOWN, "01/02/2021"), "11/17/2021"),
                     DATE_MONTH_FIRST);
}

/* ---- price files ----------------------------------------------------------------------------- */

static struct import_prices prices;

/* Reads a file; its problems as "line: text" in one string. */
static const char *read_prices(const char *text, const char *symbol)
{
    static char out[4096];
    const struct sheet_hints hints = {0};
    char *copy = malloc(strlen(text) + 1);
    assert_non_null(copy);
    memcpy(copy, text, strlen(text) + 1);
    import_prices_done(&prices);
    assert_true(import_prices_read(copy, strlen(text), symbol, &hints, &prices));
    free(copy);
    size_t length = 0;
    out[0] = '\0';
    for (size_t i = 0; i < prices.problems.count && i < 5; i++)
        length += (size_t)snprintf(out + length, sizeof(out) - length, "%u: %s\n",
                                   prices.problems.kept[i].line, prices.problems.kept[i].text);
    return out;
}

static void says(const char *got, const char *fragment)
{
    if (!got || !strstr(got, fragment))
        fail_msg("\"%s\" does not say \"%s\"", got ? got : "", fragment ? fragment : "");
}

TEST(yahoos_prices_are_read_and_nulls_left_out)
{
    assert_string_equal(read_prices("Date,Open,High,Low,Close,Adj Close,Volume\n"
                                    "2018-05-10,187.740005,190.369995,187.649994,190.039993,"
                                    "189.309998,27989300\n"
                                    "2018-05-11,null,null,null,null,null,null\n",
                                    "AAPL"),
                        "");
    assert_int_equal(prices.count, 1);
    assert_int_equal(prices.absent, 1);
    const struct import_price *price = &prices.prices[0];
    assert_string_equal(price->symbol, "AAPL");
    assert_true(price->quote.close == 190.039993 && price->quote.adj_close == 189.309998);
    assert_int_equal(price->quote.volume, 27989300);
    assert_int_equal(price->quote.when, day_of(2018, 5, 10));
}

TEST(stooqs_prices_are_read_in_english_polish_and_bulk)
{
    assert_string_equal(read_prices("Date,Open,High,Low,Close,Volume\n"
                                    "2018-05-11,2722.7,2732.86,2717.45,2727.72,1862700000\n",
                                    "^SPX"),
                        "");
    assert_true(isnan(prices.prices[0].quote.adj_close));
    assert_string_equal(read_prices("Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen\n"
                                    "2018-05-11,2722.7,2732.86,2717.45,2727.72,1862700000\n",
                                    "^SPX"),
                        "");
    assert_true(prices.prices[0].quote.high == 2732.86);
    assert_string_equal(read_prices("<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,"
                                    "<VOL>,<OPENINT>\n"
                                    "IBM.US,D,20180511,000000,144.11,144.85,143.58,144.14,3069400,0"
                                    "\nAAPL.US,D,20180511,000000,189.49,190.06,187.45,188.59,1,0\n",
                                    NULL),
                        "");
    assert_int_equal(prices.count, 2);
    assert_string_equal(prices.prices[0].symbol, "AAPL");
    assert_string_equal(prices.prices[1].symbol, "IBM");
    assert_true(prices.prices[1].quote.close == 144.14);
}

TEST(decimal_commas_are_found_out)
{
    assert_string_equal(
        read_prices("Data;Otwarcie;Najwy\xC5\xBCszy;Najni\xC5\xBCszy;"
                    "Zamkni\xC4\x99"
                    "cie;Wolumen\n"
                    "11.05.2018;2.722,70;2.732,86;2.717,45;2.727,72;1.862.700.000\n",
                    "^SPX"),
        "");
    assert_true(prices.prices[0].quote.close == 2727.72);
    assert_int_equal(prices.prices[0].quote.volume, 1862700000);
    says(read_prices("Date;Close\n2018-05-10;1,5\n2018-05-11;1,6\n2018-05-12;1.7\n", "X"),
         "4: the close \"1.7\" is no number");
}

TEST(what_is_no_price_file_says_what_it_is)
{
    says(read_prices("<!DOCTYPE html><html><body>Limit</body></html>", "X"), "web page");
    says(read_prices("Exceeded the daily hits limit", "X"), "quota");
    says(read_prices("No data", "X"), "no data for that symbol");
    says(read_prices("", "X"), "empty");
    says(read_prices("{\"error\":1}", "X"), "JSON");
    says(read_prices("just words\nand more\n", "X"), "begins with \"just words\"");
    says(read_prices("Date,Open\n2018-05-11,1\n", "X"), "1: the column Close");
    says(read_prices("Open,Close\n1,1\n", "X"), "1: the column Date");
    says(read_prices("Date,Close\n2018-05-11,1\n", NULL), "--symbol");
    says(read_prices("Date,Close,Zamkniecie\n2018-05-11,1,1\n", "X"), "mean the same");
}

TEST(each_wrong_row_of_prices_is_told)
{
    const char *got = read_prices("Date,Open,High,Low,Close,Volume\n"
                                  "2018-05-01,1,2,1,abc,1\n"
                                  "yesterday,1,2,1,1,1\n"
                                  "2018-05-03,1,2,1,-1,1\n"
                                  "2018-05-04,1,2,3,1,1\n"
                                  "2018-05-05,1,2,1,1,-7\n",
                                  "X");
    says(got, "2: the close \"abc\" is no number");
    says(got, "3: \"yesterday\" is no date");
    says(got, "4: the close -1 is negative");
    says(got, "5: the high 2 is below the low 3");
    says(got, "6: the volume is negative");
    assert_int_equal(prices.problems.count, 5);
    says(read_prices("<TICKER>,<PER>,<DATE>,<CLOSE>\nA,5,20180511,1\n", NULL), "2: the period");
}

TEST(a_date_twice_is_a_repeat_or_a_contradiction)
{
    assert_string_equal(read_prices("Date,Close\n2018-05-11,1\n2018-05-10,2\n2018-05-11,1\n", "X"),
                        "");
    assert_int_equal(prices.count, 2);
    assert_int_equal(prices.repeated, 1);
    assert_int_equal(prices.prices[0].quote.when, day_of(2018, 5, 10));
    says(read_prices("Date,Close\n2018-05-11,1\n2018-05-11,2\n", "X"),
         "3: line 2 has other prices");
}

/* ---- activity files -------------------------------------------------------------------------- */

static struct import_activities activities;

static const char *read_hinted(const char *text, const struct sheet_hints *sheet, bool may_repeat)
{
    static char out[4096];
    const struct import_activity_hints hints = {
        .sheet = *sheet, .currency = "USD", .account = "Main", .may_repeat = may_repeat};
    char *copy = malloc(strlen(text) + 1);
    assert_non_null(copy);
    memcpy(copy, text, strlen(text) + 1);
    import_activities_done(&activities);
    assert_true(import_activities_read(copy, strlen(text), &hints, &activities));
    free(copy);
    size_t length = 0;
    out[0] = '\0';
    for (size_t i = 0; i < activities.problems.count && i < 12; i++)
        length +=
            (size_t)snprintf(out + length, sizeof(out) - length, "%u: %s\n",
                             activities.problems.kept[i].line, activities.problems.kept[i].text);
    return out;
}

static const char *read_with(const char *text, bool may_repeat)
{
    const struct sheet_hints nothing = {0};
    return read_hinted(text, &nothing, may_repeat);
}

static const char *read_activities(const char *text)
{
    return read_with(text, false);
}

TEST(every_header_that_exports_use_is_known)
{
    static const char *const headers[] = {
        "Date,Type,Symbol,Quantity,UnitPrice,Fee,Currency",
        "TradeDate,Buy/Sell,Ticker,Shares,TradePrice,IBCommission,CurrencyPrimary",
        "date,action,code,qty,price,commission,ccy",
        "DATE,TYPE,SYMBOL,UNITS,PRICE,FEES,TRANSACTION CURRENCY",
    };
    char text[256];
    for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++) {
        snprintf(text, sizeof(text), "%s\n17/11/2021,BUY,AAPL,1.5,150.25,-9.955,USD\n", headers[i]);
        assert_string_equal(read_activities(text), "");
        const struct import_activity *activity = &activities.activities[0];
        assert_int_equal(activity->when, day_of(2021, 11, 17));
        assert_int_equal(activity->kind, ACTIVITY_BUY);
        assert_string_equal(activity->symbol, "AAPL");
        assert_int_equal(activity->quantity, 150000000);
        assert_int_equal(activity->price, 150250000);
        assert_int_equal(activity->fee, 996);
        assert_string_equal(activity->account, "Main");
    }
}

TEST(amounts_are_told_or_follow_from_quantity_and_price)
{
    assert_string_equal(read_activities("date,type,symbol,quantity,price,amount,fee,account,note\n"
                                        "2018-01-02,DEPOSIT,,,,1000,,Broker,hello\n"
                                        "2018-01-03,Dividend,IBM,110,0.95,,1.5,,\n"
                                        "2018-01-04,interest,,,7.25,,,,\n"
                                        "2018-01-05,Fee,,,,,12,,\n"
                                        "2018-01-06,withdraw,,,,50.5,,,\n"),
                        "");
    static const int64_t amounts[] = {100000, 10450, 725, 1200, 5050};
    assert_int_equal(activities.count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(activities.activities[i].amount, amounts[i]);
    assert_int_equal(activities.activities[1].fee, 150);
    assert_int_equal(activities.activities[3].fee, 0);
    assert_string_equal(activities.activities[0].account, "Broker");
    assert_string_equal(activities.activities[0].note, "hello");
    assert_string_equal(activities.activities[2].symbol, "");
}

/* Portfolio Performance's transactions: Value is what was paid or received in the end. */
TEST(a_value_is_the_total_with_fees_and_taxes)
{
    assert_string_equal(
        read_activities("Date;Type;Value;Transaction Currency;Fees;Taxes;Shares;Ticker Symbol\n"
                        "2021-01-04;Buy;1,005.50;USD;5.50;0;10;IBM\n"
                        "2021-02-04;Sell;485.00;USD;5.00;10.00;4;IBM\n"
                        "2021-03-04;Dividend;17.00;USD;0;3.00;6;IBM\n"
                        "2021-03-05;Deposit;300.00;USD;0;0;;\n"
                        "2021-03-06;Removal;-20.00;USD;0;0;;\n"
                        "2021-03-07;Taxes;4.00;USD;0;0;;\n"),
        "");
    const struct import_activity *read = activities.activities;
    assert_int_equal(activities.count, 6);
    assert_int_equal(read[0].price, 100000000); /* (1005.50 - 5.50) / 10 */
    assert_int_equal(read[0].fee, 550);
    assert_int_equal(read[1].price, 125000000); /* (485 + 15) / 4 */
    assert_int_equal(read[1].fee, 1500);
    assert_int_equal(read[2].amount, 2000); /* before the tax */
    assert_int_equal(read[2].fee, 300);
    assert_int_equal(read[3].amount, 30000);
    assert_int_equal(read[4].amount, 2000);
    assert_int_equal(read[5].amount, 400);
    assert_int_equal(activities.valued, 6);
    says(read_activities("date,type,symbol,shares,value,fee\n2021-01-04,BUY,IBM,1,5,6\n"),
         "2: the value makes no price");
    assert_string_equal(read_activities("date,type,symbol,shares,price,value\n"
                                        "2021-01-04,BUY,IBM,2,10,20\n"),
                        "");
    assert_int_equal(activities.activities[0].price, 10000000);
    assert_int_equal(activities.valued, 0);
}

static const char *read_as(const char *text, char delimiter, const struct sheet_naming *namings,
                           size_t count)
{
    const struct sheet_hints hints = {
        .delimiter = delimiter, .namings = namings, .naming_count = count};
    return read_hinted(text, &hints, false);
}

TEST(columns_have_the_names_that_the_caller_says)
{
    static const struct sheet_naming namings[] = {{"price", "Kurs je St\xC3\xBC"
                                                            "ck"},
                                                  {"Quantity", "value"},
                                                  {"type", "Art"}};
    static const char text[] = "Date:Art:Symbol:value:kurs je st\xC3\xBC"
                               "ck:price\n"
                               "2021-01-04:BUY:IBM:3:10.5:99\n";
    assert_string_equal(read_as(text, ':', namings, 3), "");
    assert_int_equal(activities.activities[0].price, 10500000);
    assert_int_equal(activities.activities[0].quantity, 300000000);
    /* a header that was named is nothing else besides */
    assert_string_equal(read_as("date,type,symbol,shares,price,value\n2021-01-04,BUY,IBM,2,1,21\n",
                                0, (const struct sheet_naming[]){{"fee", "Price"}}, 1),
                        "");
    assert_int_equal(activities.activities[0].price, 10000000);
    static const struct sheet_naming wrong[] = {
        {"kurs", "value"}, {"price", "Course"}, {"fee", "Art"}, {"type", "Art"}};
    const char *got = read_as(text, ':', wrong, 4);
    says(got, "--column kurs=...: there is no such column, there are date type symbol quantity");
    says(got, "1: there is no column \"Course\", which --column says is price; the first one is");
    says(got, "--column type=Art: column or header was named before");
}

TEST(splits_have_a_ratio)
{
    assert_string_equal(
        read_activities("date,type,symbol,price,ratio\n"
                        "2014-06-09,SPLIT,AAPL,,7:1\n2015-06-09,split,AAPL,,1/10\n"),
        "");
    assert_int_equal(activities.activities[0].numerator, 7);
    assert_int_equal(activities.activities[1].denominator, 10);
    assert_string_equal(read_activities("date,type,symbol,price,numerator,denominator\n"
                                        "2014-06-09,SPLIT,AAPL,,3,2\n"),
                        "");
    assert_int_equal(activities.activities[0].denominator, 2);
    for (const char *const *ratio =
             (const char *const[]){"7", "0:1", "7:", "a:b", "7:1x", "", NULL};
         *ratio; ratio++) {
        char text[128];
        snprintf(text, sizeof(text), "date,type,symbol,price,ratio\n2014-06-09,SPLIT,A,,%s\n",
                 *ratio);
        says(read_activities(text), "2: a SPLIT needs new and old shares");
    }
}

TEST(each_wrong_row_of_activities_is_told)
{
    const char *got = read_activities("date,type,symbol,quantity,price,amount,currency\n"
                                      "2018-13-01,BUY,AAPL,1,1,,\n"
                                      "2018-01-02,HOLD,AAPL,1,1,,\n"
                                      "2018-01-03,BUY,,1,1,,\n"
                                      "2018-01-04,BUY,AAPL,0,1,,\n"
                                      "2018-01-05,BUY,AAPL,1,null,,\n"
                                      "2018-01-06,BUY,AAPL,-1,1,,\n"
                                      "2018-01-07,DEPOSIT,,,,,\n"
                                      "2018-01-08,DEPOSIT,,,,5,EUR\n"
                                      "2018-01-09,DEPOSIT,,,,five,\n"
                                      "2018-01-10,BUY,AAPL,99999999999,1,,\n");
    says(got, "2: \"2018-13-01\" is no date");
    says(got, "3: the type \"HOLD\" is none of BUY");
    says(got, "4: a BUY needs a symbol");
    says(got, "5: a BUY needs a quantity above 0");
    says(got, "6: a BUY needs a price");
    says(got, "7: the quantity is negative");
    says(got, "8: a DEPOSIT needs an amount");
    says(got, "9: the row is in EUR and the portfolio in USD");
    says(got, "10: the amount \"five\" is no number");
    says(got, "11: the quantity \"99999999999\" is no number, or one too large");
    assert_int_equal(activities.problems.count, 10);
}

TEST(duplicates_are_refused_unless_both_happened)
{
    static const char text[] = "date,type,symbol,quantity,price\n2018-05-01,BUY,IBM,1,140\n"
                               "2018-05-01,BUY,IBM,2,140\n2018-05-01,BUY,IBM,1,140.0\n";
    says(read_activities(text), "4: the row is a duplicate of line 2");
    assert_string_equal(read_with(text, true), "");
    assert_string_not_equal(activities.activities[0].key, activities.activities[2].key);
    char first[IMPORT_KEY_BYTES];
    snprintf(first, sizeof(first), "%s", activities.activities[0].key);
    assert_string_equal(read_activities("date,type,symbol,quantity,price\n"
                                        "01.05.2018,buy,IBM,\"1,0\",\"140,00\"\n"),
                        "");
    assert_string_equal(activities.activities[0].key, first);
    assert_string_equal(read_activities("date,type,symbol,quantity,price,id\n"
                                        "2018-05-01,BUY,IBM,1,140,x1\n"
                                        "2018-05-01,BUY,IBM,1,140,x2\n"),
                        "");
}

TEST(texts_that_are_no_text_are_refused)
{
    says(read_activities("date,type,amount,note\n2018-05-01,DEPOSIT,5,\xC3\x28\n"), "2: the note");
    says(read_activities("date,type,price,symbol,quantity\n2018-05-01,BUY,5,"
                         "0123456789012345678901234567890123,1\n"),
         "2: the symbol");
    assert_true(sheet_text_is_valid("Zamkni\xC4\x99"
                                    "cie \xF0\x9F\x93\x88",
                                    100));
    assert_false(sheet_text_is_valid("a\tb", 100));
    assert_false(sheet_text_is_valid("\xED\xA0\x80", 100));
    assert_false(sheet_text_is_valid("\xC0\xAF", 100));
    assert_false(sheet_text_is_valid("\xE2\x82", 100));
    assert_false(sheet_text_is_valid("abc", 2));
}
