// An .aar of the classes in ../src/main/kotlin and of native libraries in jniLibs/ABI/libpims_jni.so, which are built beforehand. For arm64-v8a:
//
//     cargo build --release -p pims-jni --no-default-features --target aarch64-linux-android
//     mkdir -p jniLibs/arm64-v8a && cp ../../../target/aarch64-linux-android/release/libpims_jni.so jniLibs/arm64-v8a/
//
// and for x86_64 the same with x86_64-linux-android. The NDK's compilers must be known to cargo, as tools/cross.sh tells them. Without the default features
// there is no service embedded: an app that was told none fails, where a demonstration would enroll with itself.
//
// The libraries are aligned for pages of 16 KB. That counts where the app leaves them in its package uncompressed, which is the default (its
// packaging.jniLibs.useLegacyPackaging). Not run: see ../README.md.
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
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_11
        targetCompatibility = JavaVersion.VERSION_11
    }
}

dependencies {
    // An app that has it gets a flow of changes, and calls that can be cancelled.
    compileOnly("org.jetbrains.kotlinx:kotlinx-coroutines-core:1.10.2")
}

kotlin {
    compilerOptions {
        jvmTarget = org.jetbrains.kotlin.gradle.dsl.JvmTarget.JVM_11
    }
}
