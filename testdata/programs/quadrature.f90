! Numerical integration and a matrix product on OpenMP threads.
program quadrature
   use omp_lib
   implicit none
   integer, parameter :: n = 200000, m = 60
   integer :: i, j, k
   real(8) :: total, h, x
   real(8) :: a(m, m), b(m, m), c(m, m)
   integer :: hits(0:7)
   integer, save :: mine
   !$omp threadprivate(mine)

   h = 1.0d0/n
   total = 0
   !$omp parallel do reduction(+:total) private(x) schedule(static)
   do i = 1, n
      x = h*(i - 0.5d0)
      total = total + 4.0d0/(1.0d0 + x*x)
   end do
   print '(a,f10.7)', 'pi ', total*h

   do j = 1, m
      do i = 1, m
         a(i, j) = mod(i*j, 7)
         b(i, j) = mod(i + j, 5)
      end do
   end do
   !$omp parallel do private(i, k)
   do j = 1, m
      do i = 1, m
         c(i, j) = 0
         do k = 1, m
            c(i, j) = c(i, j) + a(i, k)*b(k, j)
         end do
      end do
   end do
   print '(a,f14.2,f14.2)', 'product ', sum(c), c(3, 4)

   hits = 0
   !$omp parallel num_threads(4)
   mine = omp_get_thread_num()
   !$omp barrier
   do i = 1, 1000
      mine = mine + 4
   end do
   !$omp critical
   hits(mod(mine, 8)) = hits(mod(mine, 8)) + mine
   !$omp end critical
   !$omp end parallel
   print '(a,8i6)', 'threads ', hits
end program quadrature
