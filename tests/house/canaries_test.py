"""Each house check fails on what it is there to find, and passes a good tree."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"
GOOD_HEADER = "// What this is for.\n#pragma once\n"


def run(check, *arguments):
    done = subprocess.run([sys.executable, str(TOOLS / f"check_{check}.py"), *arguments],
                          check=False, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


class CheckCase(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.root = pathlib.Path(scratch.name)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def expect(self, check, *words):
        """The check fails and says each of the words; without words it passes."""
        status, output = run(check, "--root", str(self.root))
        self.assertEqual(status, 1 if words else 0, output)
        for word in words:
            self.assertIn(word, output)


class Layers(CheckCase):
    def test_good_tree_passes(self):
        self.write("src/base/a.h", GOOD_HEADER)
        self.write("src/model/kv_store.h", '#include "base/a.h"\n#include <vector>\n')
        self.write("src/cache/pages.h", '#include "model/kv_store.h"\n')
        self.write("src/quant/packed.h", "#include <stdint.h>\n")
        self.write("src/kernels/avx2/gemm.cpp", '#include <immintrin.h>\n#include "quant/packed.h"\n')
        self.write("include/slipstream/slipstream.h", "#include <string>\n")
        self.expect("layers")

    def test_upward_include(self):
        self.write("src/base/a.cpp", '#include "ops/matmul.h"\n')
        self.expect("layers", "src/base/a.cpp:1", "ops/")

    def test_formats_must_not_see_kernels(self):
        self.write("src/formats/a.cpp", '#include "kernels/kernels.h"\n')
        self.expect("layers", "formats/ must not include kernels/")

    def test_sockets_stay_in_net(self):
        self.write("src/net/a.cpp", "#include <boost/asio/post.hpp>\n")
        self.write("src/net/io/a.h", "#include <openssl/ssl.h>\n")
        self.write("src/formats/json.cpp", "#include <boost/json.hpp>\n")
        self.expect("layers")
        self.write("src/net/a.h", "#include <boost/asio/post.hpp>\n")
        self.write("src/serve/a.cpp", "#include <boost/beast.hpp>\n#include \"net/io/a.h\"\n")
        self.expect("layers", "src/net/a.h:1", "src/serve/a.cpp:1", "src/serve/a.cpp:2")

    def test_cache_sees_only_kv_store(self):
        self.write("src/cache/a.h", '#include "model/decoder.h"\n')
        self.expect("layers", "only kv_store.h")

    def test_unknown_folder(self):
        self.write("src/util/a.h", GOOD_HEADER)
        self.expect("layers", "unknown folder util/")

    def test_tests_are_out_of_reach(self):
        self.write("src/engine/a.cpp", '#include "tests/support/fake_runner.h"\n')
        self.expect("layers", "tests/support")

    def test_kernel_must_not_see_std(self):
        self.write("src/kernels/avx2/gemm.cpp", "#include <algorithm>\n")
        self.expect("layers", "must not see <algorithm>")

    def test_kernel_must_not_see_std_through_a_header(self):
        self.write("src/quant/packed.h", "#include <vector>\n")
        self.write("src/kernels/avx512/gemm.cpp", '#include "quant/packed.h"\n')
        self.expect("layers", "src/quant/packed.h:1", "reached from src/kernels/avx512/gemm.cpp")

    def test_public_header_sees_nothing_of_src(self):
        self.write("include/slipstream/slipstream.h", '#include "base/result.h"\n')
        self.expect("layers", "a public header includes base/result.h")


class Style(CheckCase):
    def test_good_tree_passes(self):
        self.write("src/base/a.h", GOOD_HEADER)
        self.write("src/base/a.cpp", '// exit(1) in a comment\nauto text = "std::cout exit(1)";\n'
                   "int n = snprintf(b, 10'000, R\"(abort();)\");\nqueue.exit();\n")
        self.write("src/base/os/a.cpp", "#ifdef __linux__\n#endif\n")
        self.write("src/cli/main.cpp", "void f() { std::exit(1); }\n")
        self.expect("style")

    def test_long_file(self):
        self.write("src/base/a.cpp", "int x;\n" * 501)
        self.expect("style", "501 lines")

    def test_long_line_counts_characters(self):
        self.write("src/base/a.cpp", "// " + "·" * 97 + "\n")
        self.expect("style")
        self.write("src/base/a.cpp", "// " + "·" * 98 + "\n")
        self.expect("style", "src/base/a.cpp:1", "101 columns")

    def test_unfinished_work(self):
        for word in ("TO" + "DO", "FIX" + "ME"):
            self.write("docs/a.md", f"one\n{word}: later\n")
            self.expect("style", "docs/a.md:2")

    def test_library_never_prints(self):
        for code in ('printf("x");', "std::cout << 1;", 'fmt::print("x");', 'std::puts("x");'):
            self.write("src/engine/a.cpp", f"void f() {{ {code} }}\n")
            self.expect("style", "src/engine/a.cpp:1", "never prints")

    def test_library_never_ends_the_process(self):
        for code in ("exit(1);", "std::abort();", "::_exit(2);", "std::terminate();"):
            self.write("src/engine/a.cpp", f"void f() {{ {code} }}\n")
            self.expect("style", "src/engine/a.cpp:1", "never ends the process")

    def test_early_return_from_initialisers(self):
        for code in ("A a{.b = c, .d = SLIP_TRY(e())};", "A a{f(SLIP_TRY(e()))};",
                     "return A{.b = 1,\n .d = SLIP_TRY(e())};", "a.b = {SLIP_TRY(e())};"):
            self.write("src/engine/a.cpp", f"Result<A> f() {{\n {code} }}\n")
            self.expect("style", "src/engine/a.cpp:", "no SLIP_TRY in braces")
        for code in ("A a = f(b, SLIP_TRY(e()));", "if (x) { SLIP_TRY(e()); }",
                     "A a{.f = [] { return SLIP_TRY(e()); }};",
                     "A a{.f = [](int) -> Result<B> { return SLIP_TRY(e()); }};",
                     "switch (x) { case 1: { SLIP_TRY(e()); } default: SLIP_TRY(e()); }"):
            self.write("src/engine/a.cpp", f"Result<A> f() {{\n {code} }}\n")
            self.expect("style")

    def test_conditional_compilation(self):
        self.write("src/engine/a.cpp", "#ifdef FAST\n#endif\n")
        self.expect("style", "src/engine/a.cpp:1", "conditional compilation")

    def test_header_needs_pragma_once_and_a_comment(self):
        self.write("src/base/a.h", "int f();\n")
        self.expect("style", "#pragma once", "begins with a comment")

    def test_using_directive_in_header(self):
        self.write("src/base/a.h", GOOD_HEADER + "using namespace std;\n")
        self.expect("style", "using-directive")

    def test_web(self):
        self.write("web/a.js", "/** What this is for. */\nconst a = 1;\n")
        self.expect("style")
        self.write("web/a.js", "const a = 1;\nb.innerHTML = a;\n" + "// \n" * 300)
        self.expect("style", "web/a.js: 302 lines", "begins with a comment", "web/a.js:2: no markup")

    def test_file_names(self):
        self.write("src/base/MyClass.cpp", "int x;\n")
        self.expect("style", "snake_case")


@unittest.skipUnless(shutil.which("clang-format"), "clang-format is not installed")
class Format(CheckCase):
    def setUp(self):
        super().setUp()
        shutil.copy(TOOLS.parent / ".clang-format", self.root)

    def test_good_tree_passes(self):
        self.write("src/base/a.cpp", "int f() {\n  return 1;\n}\n")
        self.expect("format")

    def test_bad_layout(self):
        self.write("src/base/a.cpp", "int  f( ){return 1;}\n")
        self.expect("format", "src/base/a.cpp:1")


class WeakSymbols(CheckCase):
    SOURCES = {
        "good": "static inline int twice(int x) { return 2 * x; }\n"
                "int f(int x) { return twice(x); }\n",
        "bad": "template <typename T> __attribute__((noinline)) T twice(T x) { return x + x; }\n"
               "int f(int x) { return twice(x); }\n",
    }

    def check(self, kind):
        source = self.root / f"{kind}.cpp"
        source.write_text(self.SOURCES[kind])
        compiled = self.root / f"{kind}.o"
        subprocess.run([os.environ.get("CXX", "c++"), "-O2", "-c", str(source), "-o", compiled],
                       check=True)
        return run("weak_symbols", "--nm", os.environ.get("NM", "nm"), str(compiled))

    def test_good_object_passes(self):
        status, output = self.check("good")
        self.assertEqual(status, 0, output)

    def test_template_instance_is_found(self):
        status, output = self.check("bad")
        self.assertEqual(status, 1, output)
        self.assertIn("weak symbol int twice<int>(int)", output)


if __name__ == "__main__":
    unittest.main()
