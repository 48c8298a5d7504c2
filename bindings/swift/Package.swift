// swift-tools-version:5.9
// libpims for Swift: see README.md.

import Foundation
import PackageDescription

// On Apple's systems the library is an xcframework, which tools/build-xcframework.sh writes beside
// this file. On other systems, or without that file, the package uses the installed library
// (`make install`), or the library that the compiler's and linker's options name.
let framework = "CPims.xcframework"
let hasFramework = FileManager.default.fileExists(atPath: Context.packageDirectory + "/" + framework)
let library: Target =
    hasFramework
    ? .binaryTarget(name: "CPims", path: framework)
    : .systemLibrary(name: "CPims", path: "Sources/CPims", pkgConfig: "pims")

let strict: [SwiftSetting] = [.enableExperimentalFeature("StrictConcurrency")]

let package = Package(
    name: "Pims",
    platforms: [.iOS(.v13), .macOS(.v10_15)],
    products: [.library(name: "Pims", targets: ["Pims"])],
    targets: [
        library,
        .target(name: "Pims", dependencies: ["CPims"], swiftSettings: strict),
        .executableTarget(name: "Quickstart", dependencies: ["Pims"], path: "Examples/Quickstart", swiftSettings: strict),
        .testTarget(name: "PimsTests", dependencies: ["Pims"], swiftSettings: strict),
    ]
)
