! OpenMP from Fortran: an integral, a reduction over an array, private variables.
program thr_omp
  use omp_lib
  implicit none
  integer, parameter :: n = 2000000
  integer :: i, used
  double precision :: step, total, x
  double precision, allocatable :: v(:)
  call omp_set_num_threads(2)
  used = 0
  step = 1d0 / n
  total = 0
  !$omp parallel private(x) reduction(+:total)
  !$omp single
  used = omp_get_num_threads()
  !$omp end single
  !$omp do
  do i = 1, n
     x = (i - 0.5d0) * step
     total = total + 4d0 / (1d0 + x * x)
  end do
  !$omp end do
  !$omp end parallel
  print '(a,i0,a,f12.9)', 'threads ', used, ', pi ', total * step
  allocate(v(n))
  !$omp parallel do
  do i = 1, n
     v(i) = mod(i, 100)
  end do
  !$omp end parallel do
  print '(a,f14.1,a,f6.1)', 'sum ', sum(v), ', max ', maxval(v)
end program thr_omp
