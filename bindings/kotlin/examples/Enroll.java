import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionException;
import libpims.Pims;
import libpims.PimsException;
import libpims.Session;
import libpims.StrongAuthenticationAsync;

/**
 * Enrolls a device and makes a one-time password, from Java.
 *
 * <p>The program configures no service. So it uses the embedded service, which writes its SMS into
 * a file of the folder. The first argument names the folder.
 */
public final class Enroll {
    private static final String SMSCODE = "pims.authentication.smscode";

    private Enroll() {}

    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        Pims.setOnException(exception -> System.err.println("in a callback: " + exception));
        Map<String, Object> config = Map.of("storage", Map.of("path", folder));
        try (Session session = Session.openAsync(config).join()) {
            StrongAuthenticationAsync device = session.getDeviceAsync();
            String number = "+33612345678";
            device.requestPhoneNumberCode(number).join();
            // A PIN in a StringBuilder can be wiped; a String cannot.
            StringBuilder pin = new StringBuilder("1234");
            try {
                device.enrollWithPhoneNumber(pin, code(folder), number).join();
                System.out.println("one-time password: " + device.otp(pin).join());
                device.otp("4321").join();
            } catch (CompletionException failed) {
                PimsException failure = (PimsException) failed.getCause();
                System.out.println(failure.getReason() + ", attempts left: " + failure.getAttemptsLeft());
            } finally {
                for (int i = 0; i < pin.length(); i++) pin.setCharAt(i, '\0');
            }
            // Calls by the name of the api, with a future and with a callback.
            Object version = session.getAsync("pims.sdk.version").join();
            session.get("pims.sdk.version", message -> System.out.println(message.get("result").equals(version)));
        }
    }

    /** Returns the code of the last SMS. */
    private static String code(Path folder) throws Exception {
        List<String> messages = Files.readAllLines(folder.resolve("sms-outbox.jsonl"));
        return messages.get(messages.size() - 1).replaceFirst(".*\"code\":\"([0-9]+)\".*", "$1");
    }
}
