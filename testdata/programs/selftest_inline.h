/* The kernel's kselftest_harness.h without processes: tests run one after the
 * other in this one, those named by the arguments or all. A test that fails is
 * told and ends. For: gcc -include selftest_inline.h. */
#ifndef __KSELFTEST_HARNESS_H
#define __KSELFTEST_HARNESS_H
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A variant is a set of values that all tests of a fixture run with. */
struct inline_variant {
	const char *name;
	const void *values;
	struct inline_variant *next;
};
struct inline_test {
	const char *name;
	void (*run)(void);
	struct inline_test *next;
	void (*run_with)(const void *variant);
	struct inline_variant **variants;
};
static struct inline_test *inline_tests, **inline_last = &inline_tests;
static jmp_buf inline_end;
static int inline_failed;

#define TEST(test) \
	static void test_##test(void); \
	static __attribute__((constructor)) void add_##test(void) \
	{ \
		static struct inline_test t = { #test, test_##test, 0 }; \
		*inline_last = &t; \
		inline_last = &t.next; \
	} \
	static void test_##test(void)
#define FIXTURE(fixture) struct fixture_##fixture
#define FIXTURE_VARIANT(fixture) \
	static struct inline_variant *variants_##fixture; \
	struct variant_##fixture
#define FIXTURE_VARIANT_ADD(fixture, variant) \
	static const struct variant_##fixture values_##fixture##_##variant; \
	static __attribute__((constructor)) void add_##fixture##_##variant(void) \
	{ \
		static struct inline_variant v = { #variant, &values_##fixture##_##variant, 0 }; \
		struct inline_variant **last = &variants_##fixture; \
		while (*last) \
			last = &(*last)->next; \
		*last = &v; \
	} \
	static const struct variant_##fixture values_##fixture##_##variant =
#define FIXTURE_SETUP(fixture) \
	static void setup_##fixture(struct fixture_##fixture *self, const struct variant_##fixture *variant)
#define FIXTURE_TEARDOWN(fixture) \
	static void teardown_##fixture(struct fixture_##fixture *self, const struct variant_##fixture *variant)
#define TEST_F(fixture, test) \
	static void body_##fixture##_##test(struct fixture_##fixture *, const struct variant_##fixture *); \
	static void run_##fixture##_##test(const void *variant) \
	{ \
		static struct fixture_##fixture self; \
		memset(&self, 0, sizeof self); \
		setup_##fixture(&self, variant); \
		if (!setjmp(inline_end)) \
			body_##fixture##_##test(&self, variant); \
		teardown_##fixture(&self, variant); \
	} \
	static __attribute__((constructor)) void add_##fixture##_##test(void) \
	{ \
		static struct inline_test t = { #fixture "." #test, 0, 0, run_##fixture##_##test, &variants_##fixture }; \
		*inline_last = &t; \
		inline_last = &t.next; \
	} \
	static void body_##fixture##_##test(struct fixture_##fixture *self, const struct variant_##fixture *variant)
#define INLINE_CHECK(a, op, b) \
	do { \
		if (!((a) op (b))) { \
			printf("# line %d: %s %s %s\n", __LINE__, #a, #op, #b); \
			inline_failed = 1; \
			longjmp(inline_end, 1); \
		} \
	} while (0)
#define ASSERT_EQ(a, b) INLINE_CHECK(a, ==, b)
#define ASSERT_NE(a, b) INLINE_CHECK(a, !=, b)
#define ASSERT_GE(a, b) INLINE_CHECK(a, >=, b)
#define ASSERT_GT(a, b) INLINE_CHECK(a, >, b)
#define ASSERT_LT(a, b) INLINE_CHECK(a, <, b)
#define EXPECT_EQ(a, b) INLINE_CHECK(a, ==, b)
#define EXPECT_GE(a, b) INLINE_CHECK(a, >=, b)
#define EXPECT_TRUE(a) INLINE_CHECK(!!(a), ==, 1)
#define ARRAY_SIZE(a) (sizeof(a) / sizeof *(a))
#define EXPECT_NE(a, b) INLINE_CHECK(a, !=, b)
#define SKIP(statement, ...) \
	do { \
		statement; \
	} while (0)
#define TEST_HARNESS_MAIN \
	int main(int argc, char **argv) \
	{ \
		int n = 0; \
		for (struct inline_test *t = inline_tests; t; t = t->next) { \
			int wanted = argc == 1; \
			for (int i = 1; i < argc; i++) \
				wanted |= !strcmp(argv[i], t->name); \
			if (!wanted) \
				continue; \
			for (struct inline_variant *v = t->variants ? *t->variants : 0; v; v = v->next) { \
				inline_failed = 0; \
				t->run_with(v->values); \
				printf("%s %d %s.%s\n", inline_failed ? "not ok" : "ok", ++n, t->name, v->name); \
			} \
			if (t->variants) \
				continue; \
			inline_failed = 0; \
			if (!setjmp(inline_end)) \
				t->run(); \
			printf("%s %d %s\n", inline_failed ? "not ok" : "ok", ++n, t->name); \
			fflush(stdout); \
		} \
		return 0; \
	}
#endif
