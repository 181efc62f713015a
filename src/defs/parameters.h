/* parameters.h - session parameters that follow a client from server to server.
 *
 * PARAMETER(ID, name): PostgreSQL reports changes of these (ParameterStatus, protocol
 * chapter 55.2.7), so weir knows their value on both sides without asking. Parameters named in
 * track_extra_parameters are added behind these at start.
 */
#define PARAMETER_TABLE(PARAMETER)                                        \
    PARAMETER(CLIENT_ENCODING, "client_encoding")                         \
    PARAMETER(DATESTYLE, "DateStyle")                                     \
    PARAMETER(TIMEZONE, "TimeZone")                                       \
    PARAMETER(STANDARD_CONFORMING_STRINGS, "standard_conforming_strings") \
    PARAMETER(APPLICATION_NAME, "application_name")                       \
    PARAMETER(INTERVALSTYLE, "IntervalStyle")
