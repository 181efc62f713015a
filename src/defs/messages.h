/* messages.h - every message of protocol 3, in one table.
 *
 * MESSAGE(direction, type, NAME, name, phase)
 *   direction  FRONTEND (client to server) or BACKEND (server to client)
 *   type       the type byte on the wire
 *   NAME       the constant: WIRE_FRONTEND_QUERY, WIRE_BACKEND_ERROR_RESPONSE
 *   name       what PostgreSQL's protocol chapter calls it; used in logs and errors
 *   phase      LOGIN (until the first ReadyForQuery), SIMPLE (simple query), EXTENDED (extended
 *              query), COPY, ANY
 * Messages without a type byte (StartupMessage, SSLRequest, GSSENCRequest, CancelRequest) are in
 * wire/startup.h. Where one byte has several names the first row is the one that logs use.
 *
 * ERROR_FIELD(letter, name) - the fields of ErrorResponse and NoticeResponse, in the order in which
 * PostgreSQL sends them.
 */
#ifndef DEFS_MESSAGES_H
#define DEFS_MESSAGES_H

#define MESSAGE_TABLE(MESSAGE)                                                           \
    MESSAGE(FRONTEND, 'p', PASSWORD, "PasswordMessage", LOGIN)                           \
    MESSAGE(FRONTEND, 'p', SASL_INITIAL_RESPONSE, "SASLInitialResponse", LOGIN)          \
    MESSAGE(FRONTEND, 'p', SASL_RESPONSE, "SASLResponse", LOGIN)                         \
    MESSAGE(FRONTEND, 'p', GSS_RESPONSE, "GSSResponse", LOGIN)                           \
    MESSAGE(FRONTEND, 'Q', QUERY, "Query", SIMPLE)                                       \
    MESSAGE(FRONTEND, 'F', FUNCTION_CALL, "FunctionCall", SIMPLE)                        \
    MESSAGE(FRONTEND, 'P', PARSE, "Parse", EXTENDED)                                     \
    MESSAGE(FRONTEND, 'B', BIND, "Bind", EXTENDED)                                       \
    MESSAGE(FRONTEND, 'D', DESCRIBE, "Describe", EXTENDED)                               \
    MESSAGE(FRONTEND, 'E', EXECUTE, "Execute", EXTENDED)                                 \
    MESSAGE(FRONTEND, 'C', CLOSE, "Close", EXTENDED)                                     \
    MESSAGE(FRONTEND, 'H', FLUSH, "Flush", EXTENDED)                                     \
    MESSAGE(FRONTEND, 'S', SYNC, "Sync", EXTENDED)                                       \
    MESSAGE(FRONTEND, 'd', COPY_DATA, "CopyData", COPY)                                  \
    MESSAGE(FRONTEND, 'c', COPY_DONE, "CopyDone", COPY)                                  \
    MESSAGE(FRONTEND, 'f', COPY_FAIL, "CopyFail", COPY)                                  \
    MESSAGE(FRONTEND, 'X', TERMINATE, "Terminate", ANY)                                  \
    MESSAGE(BACKEND, 'R', AUTHENTICATION, "Authentication", LOGIN)                       \
    MESSAGE(BACKEND, 'K', BACKEND_KEY_DATA, "BackendKeyData", LOGIN)                     \
    MESSAGE(BACKEND, 'v', NEGOTIATE_PROTOCOL_VERSION, "NegotiateProtocolVersion", LOGIN) \
    MESSAGE(BACKEND, 'S', PARAMETER_STATUS, "ParameterStatus", ANY)                      \
    MESSAGE(BACKEND, 'E', ERROR_RESPONSE, "ErrorResponse", ANY)                          \
    MESSAGE(BACKEND, 'N', NOTICE_RESPONSE, "NoticeResponse", ANY)                        \
    MESSAGE(BACKEND, 'A', NOTIFICATION_RESPONSE, "NotificationResponse", ANY)            \
    MESSAGE(BACKEND, 'Z', READY_FOR_QUERY, "ReadyForQuery", ANY)                         \
    MESSAGE(BACKEND, 'T', ROW_DESCRIPTION, "RowDescription", SIMPLE)                     \
    MESSAGE(BACKEND, 'D', DATA_ROW, "DataRow", SIMPLE)                                   \
    MESSAGE(BACKEND, 'C', COMMAND_COMPLETE, "CommandComplete", SIMPLE)                   \
    MESSAGE(BACKEND, 'I', EMPTY_QUERY_RESPONSE, "EmptyQueryResponse", SIMPLE)            \
    MESSAGE(BACKEND, 'V', FUNCTION_CALL_RESPONSE, "FunctionCallResponse", SIMPLE)        \
    MESSAGE(BACKEND, '1', PARSE_COMPLETE, "ParseComplete", EXTENDED)                     \
    MESSAGE(BACKEND, '2', BIND_COMPLETE, "BindComplete", EXTENDED)                       \
    MESSAGE(BACKEND, '3', CLOSE_COMPLETE, "CloseComplete", EXTENDED)                     \
    MESSAGE(BACKEND, 'n', NO_DATA, "NoData", EXTENDED)                                   \
    MESSAGE(BACKEND, 's', PORTAL_SUSPENDED, "PortalSuspended", EXTENDED)                 \
    MESSAGE(BACKEND, 't', PARAMETER_DESCRIPTION, "ParameterDescription", EXTENDED)       \
    MESSAGE(BACKEND, 'G', COPY_IN_RESPONSE, "CopyInResponse", COPY)                      \
    MESSAGE(BACKEND, 'H', COPY_OUT_RESPONSE, "CopyOutResponse", COPY)                    \
    MESSAGE(BACKEND, 'W', COPY_BOTH_RESPONSE, "CopyBothResponse", COPY)                  \
    MESSAGE(BACKEND, 'd', COPY_DATA, "CopyData", COPY)                                   \
    MESSAGE(BACKEND, 'c', COPY_DONE, "CopyDone", COPY)

#define ERROR_FIELD_TABLE(ERROR_FIELD)  \
    ERROR_FIELD('S', severity)          \
    ERROR_FIELD('V', severity_raw)      \
    ERROR_FIELD('C', sqlstate)          \
    ERROR_FIELD('M', message)           \
    ERROR_FIELD('D', detail)            \
    ERROR_FIELD('H', hint)              \
    ERROR_FIELD('P', position)          \
    ERROR_FIELD('p', internal_position) \
    ERROR_FIELD('q', internal_query)    \
    ERROR_FIELD('W', where)             \
    ERROR_FIELD('s', schema)            \
    ERROR_FIELD('t', table)             \
    ERROR_FIELD('c', column)            \
    ERROR_FIELD('d', data_type)         \
    ERROR_FIELD('n', constraint)        \
    ERROR_FIELD('F', file)              \
    ERROR_FIELD('L', line)              \
    ERROR_FIELD('R', routine)

#endif
