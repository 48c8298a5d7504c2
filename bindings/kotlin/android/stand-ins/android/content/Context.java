package android.content;

import java.io.File;

/** A stand-in: the part of the class that KeystoreSecureStore uses, as Android declares it. */
public abstract class Context {
    public abstract File getNoBackupFilesDir();
}
