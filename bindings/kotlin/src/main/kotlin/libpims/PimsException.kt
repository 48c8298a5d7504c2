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
        /** Returns the code of a number, or null where this version does not know it. */
        @JvmStatic
        fun of(value: Int): Code? = entries.find { it.value == value }
    }
}

/** What the user or the app does next, see docs/guide-errors.md. [text] is what `info.nextAction` of a message says. */
enum class NextAction(val text: String) {
    RETRY_PIN("retryPin"),
    REQUEST_SMS_CODE("requestSmsCode"),
    REMOVE_ENROLLMENTS("removeEnrollments"),
    RESET_PIN("resetPin"),
    AUTHENTICATE("authenticate"),
    UPDATE("update"),
    ;

    companion object {
        /** Returns the action of a text, or null where this version does not know it. */
        @JvmStatic
        fun of(text: String): NextAction? = entries.find { it.text == text }
    }
}

/** Wrong PINs for the account, of this device or another one: [count] of them, since this device last proved the right PIN at [since]. */
data class WrongPins(val count: Int, val since: Instant) {
    companion object {
        /** Returns what a message says of wrong PINs, `SUCCEEDED` or `FAILED`; null where it says nothing of them. */
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
 * A message `FAILED`, as an exception: its [code] and [label] are those of the reference, [detail] says more to a developer, [info] to a program
 * (docs/api.md). It holds no PIN, code, key or token.
 */
class PimsException internal constructor(
    val code: Int,
    val label: String,
    val detail: String?,
    val info: Map<String, Any?>,
) : Exception(if (detail == null) "$code $label" else "$code $label: $detail") {
    /** [code] as a constant; null where this version does not know it. */
    val reason: Code? get() = Code.of(code)

    /** Tries of the PIN or of the SMS code that are left, where the service told them. */
    val attemptsLeft: Int? get() = (info["attemptsLeft"] as? Number)?.toInt()

    /** Seconds after which the service accepts the request again, where it told them. */
    val retryAfterSeconds: Long? get() = (info["retryAfterSeconds"] as? Number)?.toLong()

    /** What to do next, where the library knows it. A text that this version does not know stands in [info]. */
    val nextAction: NextAction? get() = (info["nextAction"] as? String)?.let(NextAction::of)

    /** Wrong PINs since this device last proved the right one, where the message told them. */
    val wrongPinsSince: WrongPins? get() = WrongPins.ofInfo(info)

    companion object {
        private const val serialVersionUID = 1L

        /** Makes the exception of a message `FAILED`. Throws [IllegalArgumentException] for another message. */
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

/** 1,024 calls wait already. Nothing was done: call again later. */
class QueueFullException internal constructor() : IllegalStateException("1,024 calls wait already") {
    private companion object {
        const val serialVersionUID = 1L
    }
}
