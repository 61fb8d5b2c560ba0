// The error words of a launch: kernels never trap, they report and go on; the host looks once at the end.
// Word 0 collects bits, word 1 the smallest number of an offending row.

enum ErrorBit : u64 {
  kErrorOverflow = 1,
  kErrorDivisionByZero = 2,
  kErrorCast = 4,
  kErrorDuplicateKey = 8,
  kErrorCapacity = 16,
};

MAAR_FN void report_error(u64* error, u64 bit, u64 row) {
  m_atomic_or(error, bit);
  m_atomic_min(error + 1, row);
}
