// An .aar of the classes in ../src/main/kotlin and of native libraries in jniLibs/ABI/libpims_jni.so, which are built beforehand:
//
//     for arm64-v8a    cargo build --release -p pims-jni --target aarch64-linux-android
//     for x86_64       cargo build --release -p pims-jni --target x86_64-linux-android
//
// with the NDK's clang as linker and RUSTFLAGS="-C link-arg=-Wl,-z,max-page-size=16384". Not run: see ../README.md.
plugins {
    id("com.android.library") version "8.13.0"
    id("org.jetbrains.kotlin.android") version "2.2.20"
}

android {
    namespace = "libpims"
    compileSdk = 36

    defaultConfig {
        // java.util.Base64 came with 26.
        minSdk = 26
        consumerProguardFiles("consumer-rules.pro")
        ndk {
            abiFilters += listOf("arm64-v8a", "x86_64")
        }
    }
    sourceSets["main"].apply {
        kotlin.srcDirs("../src/main/kotlin", "src")
        jniLibs.srcDirs("jniLibs")
    }
    packaging {
        // They are loaded from the package itself, where their alignment for pages of 16 KB counts.
        jniLibs.useLegacyPackaging = false
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_11
        targetCompatibility = JavaVersion.VERSION_11
    }
}

kotlin {
    compilerOptions {
        jvmTarget = org.jetbrains.kotlin.gradle.dsl.JvmTarget.JVM_11
    }
}
