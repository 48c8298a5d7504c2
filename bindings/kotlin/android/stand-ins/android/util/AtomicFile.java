package android.util;

import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.StandardCopyOption;

/**
 * A stand-in: the part of the class that KeystoreSecureStore uses, as Android declares it. It
 * behaves like Android's class from API 30 on.
 */
public class AtomicFile {
    /** True if renaming fails. {@link #finishWrite} does not report that. */
    public static volatile boolean renamingFails;

    private final File base;
    private final File written;

    public AtomicFile(File base) {
        this.base = base;
        this.written = new File(base.getPath() + ".new");
    }

    public File getBaseFile() {
        return base;
    }

    public void delete() {
        base.delete();
        written.delete();
    }

    public byte[] readFully() throws IOException {
        try (FileInputStream stream = new FileInputStream(base)) {
            return stream.readAllBytes();
        }
    }

    public FileOutputStream startWrite() throws IOException {
        return new FileOutputStream(written);
    }

    public void finishWrite(FileOutputStream stream) {
        try {
            stream.close();
            if (!renamingFails) {
                Files.move(written.toPath(), base.toPath(), StandardCopyOption.ATOMIC_MOVE);
            }
        } catch (IOException told) {
            // Android writes the failure into its log.
        }
    }

    public void failWrite(FileOutputStream stream) {
        try {
            stream.close();
        } catch (IOException told) {
            // Android writes this failure into its log, too.
        }
        written.delete();
    }
}
