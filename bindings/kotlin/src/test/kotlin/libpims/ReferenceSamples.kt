package libpims

// The two samples of the reference, letter by letter. src/test/resources has them in their printed
// form, and ReferenceSamplesTest compares them.

private val pims = Pims

fun sampleOfEnrollment() {
pims.set("pims.authentication.enrollment",
  mapOf( /* parameters */  
    Pair("action", "enroll"),
    Pair("pinCode", "1234"),
    Pair("smsCode", " ")
  ) 
) { message -> when (message["status"] as? String) {
      "SUCCEEDED" -> { }                          // handle succeeded status
      "FAILED" ->    { }                          // handle failed status
  } }
}

fun sampleOfPincode() {
pims.set("pims.authentication.pincode",
  mapOf( /* parameters */  
    Pair("action", "update"),
    Pair("oldPIN", "1234"),
    Pair("newPIN", "4321")
  ) 
) { message -> when (message["status"] as? String) {
      "SUCCEEDED" -> { }                          // handle succeeded status
      "FAILED" ->    { }                          // handle failed status
  } }
}
