package libpims

/**
 * A message `FAILED`, as an exception: its [code] and [label] are those of the reference, [detail] says more to a developer, [info] to a program
 * (docs/api.md).
 */
class PimsException internal constructor(
    val code: Int,
    val label: String,
    val detail: String?,
    val info: Map<String, Any?>,
) : Exception(if (detail == null) "$code $label" else "$code $label: $detail") {
    /** PIN tries that are left, where the service told them. */
    val attemptsLeft: Int? get() = info["attemptsLeft"] as? Int

    internal companion object {
        fun of(message: Map<String, Any?>): PimsException {
            val error = message["error"] as? Map<*, *> ?: emptyMap<String, Any?>()
            val info = (error["info"] as? Map<*, *>).orEmpty().entries.associate { (name, value) -> name.toString() to value }
            return PimsException(error["code"] as? Int ?: 2000, error["label"] as? String ?: "", error["detail"] as? String, info)
        }
    }
}
