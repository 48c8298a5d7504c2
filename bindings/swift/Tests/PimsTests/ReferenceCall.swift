// The calls of the reference, letter for letter, with its "SUCEEDED". The test is that they
// compile. The functions around them are ours.
import Pims

func enrollAsTheReferenceDoes() {
    pims.set(api: "pims.authentication.enrollment",
      parameters: [  
      "action": "enroll",
      "pinCode": "1234",
      "smsCode": " "
      ]
      ) { (message) in 
        if message["status"] == "SUCEEDED"    { }    // handle succeeded status
        else if message["status"] == "FAILED" { }    // handle failed status
      } 
}

func changeThePINAsTheReferenceDoes() {
    pims.set(api: "pims.authentication.pincode",
      parameters: [  
      "action": "update",
      "oldPIN": "1234",
      "newPIN": "4321"
      ]
      ) { (message) in 
        if message["status"] == "SUCEEDED"    { }    // handle succeeded status
        else if message["status"] == "FAILED" { }    // handle failed status
      } 
}
