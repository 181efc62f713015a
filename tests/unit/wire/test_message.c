/* test_message.c - the table of messages (src/wire/message.c, src/defs/messages.h). */
#include "wire_test.h"

#include "wire/message.h"

TEST(message_types_of_each_direction_are_known_and_no_others)
{
    const char *frontend = "pQFPBDECHSdcfX", *backend = "RKvSENAZTDCIV123nstGHWdc";
    for (int byte = 1; byte < 256; byte++) {
        char type = (char)byte;
        assert_int_equal(wire_frontend_is_known(type), strchr(frontend, byte) != NULL);
        assert_int_equal(wire_backend_is_known(type), strchr(backend, byte) != NULL);
        assert_int_equal(wire_frontend_phase(type) != WIRE_PHASE_UNKNOWN,
                         wire_frontend_is_known(type));
        assert_int_equal(wire_backend_phase(type) != WIRE_PHASE_UNKNOWN,
                         wire_backend_is_known(type));
    }
    assert_false(wire_frontend_is_known(0));
    assert_false(wire_backend_is_known(0));
}

TEST(message_names_follow_the_direction)
{
    assert_string_equal(wire_frontend_name('D'), "Describe");
    assert_string_equal(wire_backend_name('D'), "DataRow");
    assert_string_equal(wire_frontend_name('p'), "PasswordMessage");
    assert_string_equal(wire_frontend_name('!'), "unknown message");
    assert_string_equal(wire_backend_name('\xff'), "unknown message");
}

TEST(message_phases_tell_when_a_message_may_come)
{
    assert_int_equal(wire_frontend_phase('p'), WIRE_PHASE_LOGIN);
    assert_int_equal(wire_frontend_phase('Q'), WIRE_PHASE_SIMPLE);
    assert_int_equal(wire_frontend_phase('B'), WIRE_PHASE_EXTENDED);
    assert_int_equal(wire_frontend_phase('d'), WIRE_PHASE_COPY);
    assert_int_equal(wire_backend_phase('E'), WIRE_PHASE_ANY);
    assert_int_equal(WIRE_BACKEND_ERROR_RESPONSE, 'E');
}
