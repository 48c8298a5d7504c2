package libpims

import java.time.Instant

/** The codes of the catalogue, see docs/api.md. [value] is the number in a message. */
enum class Code(val value: Int) {
    UNKNOWN(2000),
    NOT_INITIALIZED(2001),
    NOT_SUPPORTED(2002),
    NOT_LOADED(2003),
    CONFIGURATION_INVALID(2004),
    DUPLICATE(2005),
    CORE_NOT_CONFIGURED(2006),
    ALREADY_INITIALIZED(2007),
    MISSING_PARAMETER(2101),
    INVALID_PARAMETER(2102),
    TIMEOUT(2201),
    NO_INTERNET(2202),
    INVALID_RETURN(2203),
    SERVER_ERROR(2204),
    PINNING_FAILED(2208),
    NEED_AUTHENTICATION(2301),
    NEED_STRONG_AUTHENTICATION(2302),
    CODE_INVALID(2305),
    CODE_EXPIRED(2306),
    NO_PHONE_NUMBER(2307),
    ACCESS_REFUSED(2308),
    VERSION_ERROR(2309),
    ACCOUNT_BLOCKED(2310),
    WRONG_STATE(2311),
    DEVICE_UNKNOWN(2312),
    NEEDS_OTHER_TOOL(2313),
    NO_SERVICE(2314),
    PIN_REUSED(2315),
    POST_SYNCHRONIZATION(2316),
    FORBIDDEN(2317),
    NOT_CONFIGURED(2344),
    DEPRECATED(2350),
    PHONE_NUMBER_REGISTERED(2390),
    ;

    companion object {
        /** Returns the code of a number, or null if this version does not know it. */
        @JvmStatic
        fun of(value: Int): Code? = entries.find { it.value == value }
    }
}

/**
 * The next step of the user or the app, see docs/guide-errors.md. [text] is the value of
 * `info.nextAction` in a message.
 */
enum class NextAction(val text: String) {
    RETRY_PIN("retryPin"),
    REQUEST_SMS_CODE("requestSmsCode"),
    REMOVE_ENROLLMENTS("removeEnrollments"),
    REMOVE_DEVICE("removeDevice"),
    RESET_PIN("resetPin"),
    AUTHENTICATE("authenticate"),
    UPDATE("update"),
    ENROLL("enroll"),
    ;

    companion object {
        /** Returns the action of a text, or null if this version does not know it. */
        @JvmStatic
        fun of(text: String): NextAction? = entries.find { it.text == text }
    }
}

/**
 * Wrong PINs for the account: [count] of them, since this device last proved the right PIN at
 * [since]. They came from this device or another one.
 */
data class WrongPins(val count: Int, val since: Instant) {
    companion object {
        /**
         * Returns the wrong PINs that a message reports, `SUCCEEDED` or `FAILED`; null if it
         * reports none.
         */
        @JvmStatic
        fun of(message: Map<String, Any?>): WrongPins? =
            ofInfo(message["info"] as? Map<*, *>) ?: ofInfo((message["error"] as? Map<*, *>)?.get("info") as? Map<*, *>)

        internal fun ofInfo(info: Map<*, *>?): WrongPins? {
            val told = info?.get("wrongPinsSince") as? Map<*, *> ?: return null
            val count = told["count"] as? Number ?: return null
            return WrongPins(count.toInt(), Instant.ofEpochMilli((told["since"] as? Number ?: return null).toLong()))
        }
    }
}

/**
 * A message `FAILED` as an exception. [code] and [label] are those of the reference. [detail] is
 * for a developer, [info] for a program (docs/api.md). The exception holds no PIN, code, key or
 * token.
 */
class PimsException internal constructor(
    val code: Int,
    val label: String,
    val detail: String?,
    val info: Map<String, Any?>,
) : Exception(if (detail == null) "$code $label" else "$code $label: $detail") {
    /** [code] as a constant; null if this version does not know it. */
    val reason: Code? get() = Code.of(code)

    /**
     * The number of attempts that are left for the PIN or the SMS code, if the service reported it.
     */
    val attemptsLeft: Int? get() = (info["attemptsLeft"] as? Number)?.toInt()

    /** The seconds after which the service accepts the request again, if it reported them. */
    val retryAfterSeconds: Long? get() = (info["retryAfterSeconds"] as? Number)?.toLong()

    /**
     * The end of the account's block by the service's clock, if the block ends by itself. To wait,
     * use [retryAfterSeconds].
     */
    val blockedUntil: Instant? get() = (info["blockedUntil"] as? Number)?.let { Instant.ofEpochMilli(it.toLong()) }

    /** The code of a gateway in front of the service, if one refused the request. */
    val gateway: String? get() = info["gateway"] as? String

    /**
     * The next step, if the library knows it. [info] holds a text that this version does not know.
     */
    val nextAction: NextAction? get() = (info["nextAction"] as? String)?.let(NextAction::of)

    /** Wrong PINs since this device last proved the right one, if the message reported them. */
    val wrongPinsSince: WrongPins? get() = WrongPins.ofInfo(info)

    companion object {
        private const val serialVersionUID = 1L

        /**
         * Returns the exception of a message `FAILED`. Throws [IllegalArgumentException] for
         * another message.
         */
        @JvmStatic
        fun of(message: Map<String, Any?>): PimsException {
            require(message["status"] == "FAILED") { "the message is no failure: its status is ${message["status"]}" }
            val error = message["error"] as? Map<*, *> ?: emptyMap<String, Any?>()
            val info = (error["info"] as? Map<*, *>).orEmpty().entries.associate { (name, value) -> name.toString() to value }
            return PimsException(
                (error["code"] as? Number)?.toInt() ?: Code.UNKNOWN.value,
                error["label"] as? String ?: "",
                error["detail"] as? String,
                info,
            )
        }
    }
}

/** The session was closed. The call was not accepted: its callback is not called. */
class SessionClosedException internal constructor() : IllegalStateException("the session was closed") {
    private companion object {
        const val serialVersionUID = 1L
    }
}

/** The queue has 1,024 calls already. The call was not accepted: repeat it later. */
class QueueFullException internal constructor() : IllegalStateException("1,024 calls wait already") {
    private companion object {
        const val serialVersionUID = 1L
    }
}
