// A stand-in for NVRTC: device source compiled by the host's compiler against the shim (STAND_IN_SHIM names it); what it
// calls a cubin is a library for the host, which driver.cpp loads.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

#include <unistd.h>

struct Program { std::string source, header, log, image; };

static std::string contents(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

static const char* kCompile = "${CXX:-c++} -std=c++17 -O1 -shared -fPIC -fno-exceptions -fno-rtti -fvisibility=hidden -fwrapv "
                              "-fno-strict-aliasing -ffp-contract=off -w";

extern "C" {

int nvrtcVersion(int* major, int* minor) { return *major = 13, *minor = 0, 0; }
int nvrtcGetNumSupportedArchs(int* count) { return *count = 1, 0; }
int nvrtcGetSupportedArchs(int* archs) { return *archs = 90, 0; }

int nvrtcCreateProgram(Program** program, const char* source, const char*, int headers, const char* const* texts, const char* const*) {
  return *program = new Program{source, headers > 0 ? texts[0] : "", "", ""}, 0;
}
int nvrtcDestroyProgram(Program** program) { return delete *program, *program = nullptr, 0; }

int nvrtcCompileProgram(Program* program, int, const char* const*) {
  // CUDA's own keywords, which the shim does not have: what is compiled to see whether anything can be.
  if (program->source.find("maar.cuh") == std::string::npos) return 0;
  char made[] = "/tmp/maar-stand-in-XXXXXX";
  if (mkdtemp(made) == nullptr) return 1;
  const std::string folder = made;
  std::ofstream(folder + "/maar.cuh") << "#line 1 \"shim.h\"\n" << contents(std::getenv("STAND_IN_SHIM")) << "\n" << program->header;
  std::ofstream(folder + "/text.cpp") << program->source;
  const std::string call = kCompile + (" -I" + folder + " " + folder + "/text.cpp -o " + folder + "/text.so 2> " + folder + "/log");
  const bool compiled = std::system(call.c_str()) == 0;
  program->log = contents(folder + "/log");
  program->image = contents(folder + "/text.so");
  for (const char* file : {"/maar.cuh", "/text.cpp", "/text.so", "/log"}) unlink((folder + file).c_str());
  rmdir(made);
  return compiled ? 0 : 6;
}

int nvrtcGetProgramLogSize(Program* program, size_t* bytes) { return *bytes = program->log.size() + 1, 0; }
int nvrtcGetProgramLog(Program* program, char* log) { return std::strcpy(log, program->log.c_str()), 0; }
int nvrtcGetCUBINSize(Program* program, size_t* bytes) { return *bytes = program->image.size(), 0; }
int nvrtcGetCUBIN(Program* program, char* image) { return std::memcpy(image, program->image.data(), program->image.size()), 0; }

}  // extern "C"
